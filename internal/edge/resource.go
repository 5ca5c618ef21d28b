package edge

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"time"
)

// stamp tells one state of a file from another.
type stamp struct {
	changed int64 // nanoseconds since 1970 UTC
	size    int64
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.ModTime().UnixNano(), info.Size()} }

// tag is the entity tag of a file in an encoding, which is a representation of its own (RFC 9110, section 8.8.3.3).
func (s stamp) tag(encoding string) string {
	if encoding != "" {
		encoding = "-" + encoding
	}
	return fmt.Sprintf(`"%x-%x%s"`, s.changed, s.size, encoding)
}

// variant is a file in one encoding. Its values of header fields are shared by the answers that send it.
type variant struct {
	encoding string // "": as it is
	name     string // within the root, of the file that has it
	of       stamp
	data     []byte // nil: read from the disk each time
	length   []string
	tag      []string
	changed  []string // Last-Modified
	encoded  []string // Content-Encoding; nil: none
	fields   []byte   // of an answer that is sent whole; nil: it is not
}

func newVariant(name, encoding string, of stamp, data []byte) variant {
	v := variant{
		encoding: encoding, name: name, of: of, data: data,
		tag: []string{of.tag(encoding)}, changed: []string{time.Unix(0, of.changed).UTC().Format(http.TimeFormat)},
	}
	if data != nil {
		v.length = []string{strconv.Itoa(len(data))}
	}
	if encoding != "" {
		v.encoded = []string{encoding}
	}
	return v
}

// resource is what is served under one name. It never changes.
type resource struct {
	variants    []variant // the first is the file as it is
	stamps      []stamp   // of the files behind it
	looked      time.Time // when they were looked at
	contentType []string
	vary        []string // nil: one variant, whatever the client takes
}

// choose returns the smallest variant that a client takes. A part of a file is a part of it as it is.
func (s *resource) choose(h http.Header) *variant {
	best := &s.variants[0]
	if len(s.variants) == 1 || len(h["Range"]) > 0 {
		return best
	}
	taken := h["Accept-Encoding"]
	for i := range s.variants[1:] {
		if v := &s.variants[1+i]; v.bytes() < best.bytes() && accepts(taken, v.encoding) {
			best = v
		}
	}
	return best
}

func (v *variant) bytes() int64 {
	if v.data != nil {
		return int64(len(v.data))
	}
	return v.of.size
}

// memory is what a resource holds in bytes, about.
func (s *resource) memory() int64 {
	const itself = 1024
	n := int64(itself)
	for i := range s.variants {
		n += int64(len(s.variants[i].data))
	}
	return n
}

// look finds the files that a name stands for: itself, and those compressed beforehand where its type is text.
func look(root *os.Root, name string, self fs.FileInfo) *resource {
	s := &resource{stamps: []stamp{stampOf(self)}, looked: time.Now(), contentType: []string{contentType(name)}}
	s.variants = []variant{newVariant(name, "", s.stamps[0], nil)}
	if !compressible(s.contentType[0]) {
		return s
	}
	s.vary = []string{"Accept-Encoding"}
	for _, e := range encodings {
		info, err := root.Stat(name + e.suffix)
		// One that is older was made of another state of the file. Some tools give it the file's time without parts of seconds.
		if err != nil || !info.Mode().IsRegular() || info.ModTime().Unix() < self.ModTime().Unix() {
			continue
		}
		s.stamps = append(s.stamps, stampOf(info))
		s.variants = append(s.variants, newVariant(name+e.suffix, e.name, stampOf(info), nil))
	}
	return s
}
