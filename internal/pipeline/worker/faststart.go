package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

var errIndex = errors.New("the MP4 file that was made has no index that can be moved")

// sendIndexFirst copies an MP4 file (ISO/IEC 14496-12) with its moov box, which was written last, right behind ftyp, so that a
// player can begin before it has all of the file. Nothing before moov changes its size, so that every chunk moves by the size
// of moov.
func sendIndexFirst(w io.Writer, f *os.File) error {
	kind, head, err := boxAt(f, 0)
	if err != nil || kind != "ftyp" {
		return errors.Join(errIndex, err)
	}
	at := head
	size := int64(0)
	for kind != "moov" {
		at += size
		if kind, size, err = boxAt(f, at); err != nil {
			return errors.Join(errIndex, err)
		}
	}
	moov := make([]byte, size)
	if _, err := f.ReadAt(moov, at); err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	if err := moveChunks(moov, uint64(size)); err != nil {
		return err
	}
	for _, part := range []io.Reader{
		io.NewSectionReader(f, 0, head), bytes.NewReader(moov), io.NewSectionReader(f, head, at-head),
	} {
		if _, err := io.Copy(w, part); err != nil {
			return fmt.Errorf("send MP4: %w", err)
		}
	}
	return nil
}

// boxAt returns the type and the size of the box at an offset of f.
func boxAt(f io.ReaderAt, at int64) (string, int64, error) {
	var h [16]byte
	if n, err := f.ReadAt(h[:], at); n < 8 {
		return "", 0, err
	}
	kind, size := parseBox(h[:])
	if size < 8 || size > mostMade {
		return "", 0, fmt.Errorf("box %q of %d bytes", kind, size)
	}
	return kind, int64(size), nil
}

// moveChunks adds by to every chunk's offset in a moov box.
func moveChunks(box []byte, by uint64) error {
	for at := 8; at+8 <= len(box); {
		kind, size := parseBox(box[at:])
		if size < 8 || size > uint64(len(box)-at) {
			return fmt.Errorf("%w: box %q of %d bytes in it", errIndex, kind, size)
		}
		inner := box[at : at+int(size)]
		at += int(size)
		var err error
		switch kind {
		case "trak", "mdia", "minf", "stbl":
			err = moveChunks(inner, by)
		case "stco":
			err = moveOffsets(inner, 4, func(p []byte) { binary.BigEndian.PutUint32(p, binary.BigEndian.Uint32(p)+uint32(by)) })
		case "co64":
			err = moveOffsets(inner, 8, func(p []byte) { binary.BigEndian.PutUint64(p, binary.BigEndian.Uint64(p)+by) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveOffsets calls move for each entry of a stco or co64 box (8.7.5).
func moveOffsets(box []byte, width int, move func([]byte)) error {
	const header = 16 // size, type, version and flags, count
	if len(box) < header {
		return fmt.Errorf("%w: a chunk table of %d bytes", errIndex, len(box))
	}
	entries := box[header:]
	if n := binary.BigEndian.Uint32(box[12:]); uint64(n)*uint64(width) > uint64(len(entries)) {
		return fmt.Errorf("%w: %d chunks in %d bytes", errIndex, n, len(entries))
	}
	for len(entries) >= width {
		move(entries[:width])
		entries = entries[width:]
	}
	return nil
}
