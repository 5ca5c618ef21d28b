package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"testing"
)

// table returns a chunk table of the given width with its offsets.
func table(kind string, width int, offsets ...uint64) []byte {
	b := box(kind, 8+width*len(offsets))
	binary.BigEndian.PutUint32(b[12:], uint32(len(offsets)))
	for i, o := range offsets {
		if width == 4 {
			binary.BigEndian.PutUint32(b[16+4*i:], uint32(o))
		} else {
			binary.BigEndian.PutUint64(b[16+8*i:], o)
		}
	}
	return b
}

// around puts content into boxes, the innermost kind last.
func around(content []byte, kinds ...string) []byte {
	for i := len(kinds) - 1; i >= 0; i-- {
		b := box(kinds[i], len(content))
		copy(b[8:], content)
		content = b
	}
	return content
}

func save(t *testing.T, content []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "made")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestIndexMovesToTheFrontAndItsOffsetsWithIt(t *testing.T) {
	head, media := box("ftyp", 24), join(box("free", 0), wideBox("mdat", 500))
	tracks := func(by uint64) []byte {
		return join(
			around(table("stco", 4, 60+by, 300+by), "trak", "mdia", "minf", "stbl"),
			around(table("co64", 8, 1<<33+by), "trak", "mdia", "minf", "stbl"),
		)
	}
	moov := around(tracks(0), "moov")
	var got bytes.Buffer
	if err := sendIndexFirst(&got, save(t, join(head, media, moov))); err != nil {
		t.Fatal(err)
	}
	want := join(head, around(tracks(uint64(len(moov))), "moov"), media)
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got %q, want %q", got.Bytes(), want)
	}
}

func TestFilesWithoutAnIndexThatCanBeMovedAreRefused(t *testing.T) {
	long := table("stco", 4, 1)
	binary.BigEndian.PutUint32(long[12:], 1<<30)
	for name, content := range map[string][]byte{
		"nothing":                  nil,
		"no ftyp":                  box("mdat", 10),
		"no index":                 join(box("ftyp", 24), box("mdat", 100)),
		"a box without a size":     join(box("ftyp", 24), make([]byte, 16)),
		"more chunks than entries": join(box("ftyp", 24), around(long, "moov", "trak", "mdia", "minf", "stbl")),
		"a box larger than moov":   join(box("ftyp", 24), around([]byte("\x00\x00\x10\x00trak"), "moov")),
	} {
		t.Run(name, func(t *testing.T) {
			if err := sendIndexFirst(&bytes.Buffer{}, save(t, content)); !errors.Is(err, errIndex) {
				t.Errorf("sendIndexFirst = %v", err)
			}
		})
	}
}
