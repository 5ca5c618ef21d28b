package worker

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"quicedge/internal/pipeline/av"
)

// sniffBytes is how far into a file its index is looked for before it counts as being at the end: ftyp and the like are
// tens of bytes.
const sniffBytes = 64 << 10

// layout is how a body has to be read.
type layout int

const (
	plain     layout = iota // not MP4: front to back
	indexed                 // MP4 with its index in front, or fragmented: front to back
	unindexed               // MP4 with its media first: only a file that can be read backwards will do
)

// sniff looks at the boxes that r begins with and takes nothing.
func sniff(r *bufio.Reader) layout {
	off := 0
	for {
		h, err := r.Peek(off + 16)
		if len(h) < off+8 || (err != nil && !errors.Is(err, io.EOF)) {
			return layoutAfter(off)
		}
		if h = h[off:]; len(h) < headerNeeds(h) {
			return layoutAfter(off)
		}
		kind, size := parseBox(h)
		switch kind {
		case "moov", "moof":
			return indexed
		case "mdat":
			return unindexed
		case "ftyp", "styp", "free", "skip", "wide", "pnot", "uuid", "sidx", "meta":
		default:
			return layoutAfter(off)
		}
		if size < 8 || size > sniffBytes-16 || off+int(size)+16 > sniffBytes {
			return unindexed
		}
		off += int(size)
	}
}

// layoutAfter is the layout of what holds no index within the boxes up to off.
func layoutAfter(off int) layout {
	if off == 0 {
		return plain
	}
	return unindexed
}

// source returns r as the demuxer can read it, and what follows the boxes of an MP4.
func (s *server) source(r io.Reader, limit int64) (io.Reader, *boxes, error) {
	buffered := bufio.NewReaderSize(r, sniffBytes)
	switch sniff(buffered) {
	case plain:
		return buffered, &boxes{}, nil
	case indexed:
		b := &boxes{r: buffered}
		return b, b, nil
	}
	b := &boxes{r: buffered}
	if err := s.fill(b, limit); err != nil {
		return nil, nil, err
	}
	return s.spool, b, nil
}

// fill copies r to the spool and rewinds it.
func (s *server) fill(r io.Reader, limit int64) error {
	if err := rewind(s.spool); err != nil {
		return err
	}
	n, err := io.Copy(s.spool, io.LimitReader(r, limit+1))
	if err != nil {
		return fmt.Errorf("spool video: %w; free space in the spool folder", err)
	}
	if n > limit {
		return &av.Unsupported{Stage: "input", Reason: fmt.Sprintf("it is over %d bytes; send a shorter one", limit)}
	}
	_, err = s.spool.Seek(0, io.SeekStart)
	return err
}

// rewind empties the spool.
func rewind(spool *os.File) error {
	if err := spool.Truncate(0); err != nil {
		return fmt.Errorf("empty spool: %w", err)
	}
	_, err := spool.Seek(0, io.SeekStart)
	return err
}
