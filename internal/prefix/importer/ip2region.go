package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"quicedge/internal/prefix"
)

// maxLine bounds a line of text in bytes.
const maxLine = 64 << 10

// ip2region reads rows in the order of addresses.
type ip2region struct {
	name   string
	opt    Options
	report *Report
	out    collector
	errs   listed
	line   int
	before [2]rowRange // the last row of each family
	places map[string]place
}

// readIP2Region reads ip2region's text: start|end|country|region|province|city|isp, the same without the region, and the
// latter with a code of the country behind it. 0 stands for no value. Ranges are in order and do not overlap.
func readIP2Region(in io.Reader, name string, opt Options, report *Report) ([]prefix.Entry, error) {
	r := ip2region{name: name, opt: opt, report: report, out: collector{join: opt.Aggregate}, errs: listed{name: name}, places: map[string]place{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	lines.Split(r.split)
	for !r.errs.full() && lines.Scan() {
		r.line++
		text := strings.TrimSuffix(strings.TrimSuffix(lines.Text(), "\n"), "\r")
		if r.line == 1 {
			text = strings.TrimPrefix(text, "\xef\xbb\xbf")
		}
		if !utf8.ValidString(text) {
			return nil, r.notUTF8(text)
		}
		if strings.TrimSpace(text) == "" || text[0] == '#' {
			continue
		}
		report.Rows++
		if err := r.row(text); errors.Is(err, errTooMany) {
			return nil, opt.tooMany(fmt.Sprintf("%s:%d:1", name, r.line))
		} else if err != nil {
			r.errs.add(err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		r.errs.add(fmt.Errorf("%s:%d:1: a line of more than %d bytes: is this the right file?", name, r.line+1, maxLine))
	case err != nil:
		r.errs.add(fmt.Errorf("read %s: %w", name, err))
	}
	if err := r.errs.join(); err != nil {
		return nil, err
	}
	if report.Rows == 0 {
		return nil, fmt.Errorf("%s:1:1: no rows: want lines of start|end|country|region|province|city|isp", name)
	}
	entries, err := r.out.finish(report)
	if errors.Is(err, errTooMany) {
		return nil, opt.tooMany(fmt.Sprintf("%s:%d:1", name, r.line))
	}
	return entries, err
}

// split gives lines with their ends, and warns of a last one without.
func (r *ip2region) split(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if !atEOF || len(data) == 0 {
		return 0, nil, nil
	}
	r.report.Warnings = append(r.report.Warnings, fmt.Sprintf("%s:%d: the last line has no end: is the file cut off?", r.name, r.line+1))
	return len(data), data, nil
}

func (r *ip2region) notUTF8(text string) error {
	column := 1
	for rest := text; len(rest) > 0; {
		c, n := utf8.DecodeRuneInString(rest)
		if c == utf8.RuneError && n == 1 {
			break
		}
		rest, column = rest[n:], column+n
	}
	return fmt.Errorf("%s:%d:%d: not UTF-8 text but GBK, it seems, or cut off: convert the file (iconv -f GBK -t UTF-8)", r.name, r.line, column)
}
