package worker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"testing/iotest"
)

// box returns a box of n bytes of content.
func box(kind string, n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+n))
	b = append(b, kind...)
	return append(b, make([]byte, n)...)
}

// wideBox has its size in 64 bits.
func wideBox(kind string, n int) []byte {
	b := append([]byte{0, 0, 0, 1}, kind...)
	b = binary.BigEndian.AppendUint64(b, uint64(16+n))
	return append(b, make([]byte, n)...)
}

func join(boxes ...[]byte) []byte { return bytes.Join(boxes, nil) }

func TestLayoutIsSeenInTheFirstBoxes(t *testing.T) {
	for name, tc := range map[string]struct {
		body []byte
		want layout
	}{
		"index first":            {join(box("ftyp", 24), box("moov", 900), box("mdat", 100)), indexed},
		"index after free space": {join(box("ftyp", 24), box("free", 8), box("moov", 900)), indexed},
		"fragments":              {join(box("styp", 16), box("sidx", 40), box("moof", 90)), indexed},
		"media first":            {join(box("ftyp", 24), box("mdat", 100), box("moov", 900)), unindexed},
		"media of 64-bit size":   {join(box("ftyp", 24), wideBox("mdat", 100)), unindexed},
		"wide, then media":       {join(box("ftyp", 24), box("wide", 0), box("mdat", 100)), unindexed},
		"much free space":        {join(box("ftyp", 24), box("free", 1<<20), box("moov", 9)), unindexed},
		"nothing after ftyp":     {box("ftyp", 24), unindexed},
		"a size below a header":  {[]byte("\x00\x00\x00\x04ftypisom\x00\x00\x00\x00"), unindexed},
		"mpeg-ts":                {bytes.Repeat([]byte{0x47, 0, 0, 0x10}, 1000), plain},
		"annex b":                {[]byte("\x00\x00\x00\x01\x67\x64\x00\x1e and so on"), plain},
		"flv":                    {[]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x12"), plain},
		"nothing":                {nil, plain},
		"three bytes":            {[]byte("abc"), plain},
	} {
		t.Run(name, func(t *testing.T) {
			r := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(tc.body)), sniffBytes)
			if got := sniff(r); got != tc.want {
				t.Errorf("sniff = %d, want %d", got, tc.want)
			}
			rest, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(rest, tc.body) {
				t.Errorf("%d of %d bytes are left, %v", len(rest), len(tc.body), err)
			}
		})
	}
}

func TestCutFilesAreSeenAtTheirEnd(t *testing.T) {
	whole := join(box("ftyp", 24), wideBox("mdat", 5000), box("free", 0), box("moov", 900))
	for n := range len(whole) + 1 {
		atBorder := n == 0 || n == 32 || n == 32+5016 || n == 32+5016+8 || n == len(whole)
		b := &boxes{r: iotest.HalfReader(bytes.NewReader(whole[:n]))}
		if _, err := io.Copy(io.Discard, b); err != nil {
			t.Fatal(err)
		}
		if b.cut() == atBorder {
			t.Fatalf("cut() = %v for the first %d of %d bytes", b.cut(), n, len(whole))
		}
	}
	open := &boxes{r: bytes.NewReader(join(box("ftyp", 8), []byte("\x00\x00\x00\x00mdat and what comes"))), atEnd: false}
	if _, _ = io.Copy(io.Discard, open); open.cut() {
		t.Error("a box that lasts to the end of the file counts as cut")
	}
}

func FuzzBoxes(f *testing.F) {
	f.Add(join(box("ftyp", 24), wideBox("mdat", 50)), 7)
	f.Add([]byte("\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"), 3)
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		whole := &boxes{r: bytes.NewReader(in)}
		_, _ = io.Copy(io.Discard, whole)
		parts := &boxes{r: bytes.NewReader(in)}
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{parts}, make([]byte, 1+piece&15))
		if whole.cut() != parts.cut() {
			t.Fatal("the answer depends on how the file is read")
		}
		sniff(bufio.NewReaderSize(bytes.NewReader(in), sniffBytes))
	})
}
