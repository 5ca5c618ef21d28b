package importer

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Format is the format of a file with prefixes.
type Format int

// The formats that can be read.
const (
	Auto      Format = iota // told by what the file holds
	CSV                     // the node's own: prefix,province_id,isp
	MMDB                    // MaxMind DB, such as GeoLite2 and IPinfo
	IP2Region               // text: start|end|country|region|province|city|isp
)

var formatNames = []string{"auto", "csv", "mmdb", "ip2region"}

func (f Format) String() string { return formatNames[f] }

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	if i := slices.Index(formatNames, strings.ToLower(s)); i >= 0 {
		return Format(i), nil
	}
	return Auto, fmt.Errorf("format %q: use auto, csv, mmdb or ip2region", s)
}

// mmdbMarker begins the metadata of an MMDB, in the last 128 KiB of the file (MaxMind DB file format 2.0).
const (
	mmdbMarker = "\xab\xcd\xefMaxMind.com"
	mmdbTail   = 128 << 10
)

// Detect tells the format of a file by what it holds.
func Detect(name string) (Format, error) {
	f, err := open(name)
	if err != nil {
		return Auto, err
	}
	defer f.Close()
	return detect(f, bufio.NewReader(f))
}

// detect leaves what in has not given out.
func detect(f *os.File, in *bufio.Reader) (Format, error) {
	head, err := in.Peek(4096)
	if len(head) == 0 {
		if err == io.EOF {
			err = fmt.Errorf("%s:1:1: empty file", f.Name())
		}
		return Auto, err
	}
	if endsAsMMDB(f) {
		return MMDB, nil
	}
	line := firstLine(head)
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return Auto, fmt.Errorf("%s is compressed: unpack it first (gunzip, unzip, tar -x)", f.Name())
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return Auto, fmt.Errorf("%s:1:1: UTF-16 text: save the file as UTF-8", f.Name())
	case strings.HasSuffix(strings.ToLower(f.Name()), ".mmdb"):
		return MMDB, nil // without its end: reading it says so
	case bytes.IndexByte(line, 0) >= 0:
		return Auto, fmt.Errorf("%s is neither text nor a whole MMDB: was the download cut off, or is it a pipe? An MMDB is read from a file", f.Name())
	case bytes.Count(line, []byte("|")) >= 3:
		return IP2Region, nil
	}
	return CSV, nil // the row that is wrong, should there be one, is named by reading it
}

func endsAsMMDB(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	tail := make([]byte, min(info.Size(), mmdbTail))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return false
	}
	return bytes.Contains(tail, []byte(mmdbMarker))
}

// firstLine returns the first line that is not empty and not a comment.
func firstLine(head []byte) []byte {
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return line
		}
	}
	return nil
}
