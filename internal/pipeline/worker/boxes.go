package worker

import (
	"encoding/binary"
	"io"
)

// boxes follows the top-level boxes of an MP4 file (ISO/IEC 14496-12, 4.2) while it is read, to know at the end
// whether all of it came: neither MP4 nor FFmpeg says so of a file that is cut inside its media data.
type boxes struct {
	r      io.Reader
	header []byte // of the box that begins, as far as it is read
	left   uint64 // of the box that is open
	open   bool   // a box of size 0 lasts to the end of the file
	atEnd  bool
}

// Read implements io.Reader.
func (b *boxes) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.follow(p[:n])
	if err == io.EOF {
		b.atEnd = true
	}
	return n, err
}

func (b *boxes) follow(p []byte) {
	for len(p) > 0 && !b.open {
		if b.left > 0 {
			n := min(uint64(len(p)), b.left)
			b.left -= n
			p = p[n:]
			continue
		}
		need := headerNeeds(b.header)
		n := min(need-len(b.header), len(p))
		b.header = append(b.header, p[:n]...)
		p = p[n:]
		if len(b.header) < headerNeeds(b.header) {
			continue
		}
		_, size := parseBox(b.header)
		b.open = size == 0
		b.left = max(size, uint64(len(b.header))) - uint64(len(b.header))
		b.header = b.header[:0]
	}
}

// cut says that the file ended inside a box.
func (b *boxes) cut() bool {
	return b.atEnd && !b.open && (b.left > 0 || len(b.header) > 0)
}

// headerNeeds is how long the header that begins with h is: 8 bytes, or 16 with a 64-bit size.
func headerNeeds(h []byte) int {
	if len(h) >= 4 && binary.BigEndian.Uint32(h) == 1 {
		return 16
	}
	return 8
}

// parseBox returns the type and the size, header included, of the box with header h; size 0 is to the end of the file.
func parseBox(h []byte) (kind string, size uint64) {
	size = uint64(binary.BigEndian.Uint32(h))
	if size == 1 {
		size = binary.BigEndian.Uint64(h[8:])
	}
	return string(h[4:8]), size
}
