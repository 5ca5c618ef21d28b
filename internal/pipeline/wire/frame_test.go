package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestFramesComeOutAsTheyWentIn(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	body := bytes.Repeat([]byte("0123456789"), 20000)
	if err := w.SendJSON(TypeJob, Job{Kind: KindStream, Pipeline: "beauty_v2"}); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write(body); n != len(body) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if err := w.Send(TypeEnd, nil); err != nil {
		t.Fatal(err)
	}
	r := NewReader(&b)
	first, err := r.Next()
	var job Job
	if err != nil || first.Type != TypeJob || first.Decode(&job) != nil || job.Pipeline != "beauty_v2" {
		t.Fatalf("first frame %v, job %+v, %v", first.Type, job, err)
	}
	var got []byte
	for {
		f, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if f.Type == TypeEnd {
			break
		}
		got = append(got, f.Payload...)
	}
	if !bytes.Equal(got, body) {
		t.Fatalf("body of %d bytes came out as %d bytes", len(body), len(got))
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("after the last frame: %v, want EOF", err)
	}
}

func TestReaderRefusesWhatIsNoFrame(t *testing.T) {
	for name, tc := range map[string]struct {
		in   []byte
		want error
	}{
		"type zero":        {[]byte{0, 0, 0, 0, 0}, ErrFrame},
		"unknown type":     {[]byte{11, 0, 0, 0, 0}, ErrFrame},
		"one byte too big": {[]byte{3, 0, 1, 0, 1}, ErrFrame},
		"largest length":   {[]byte{3, 255, 255, 255, 255}, ErrFrame},
		"cut header":       {[]byte{3, 0, 0}, io.ErrUnexpectedEOF},
		"cut payload":      {[]byte{3, 0, 0, 0, 9, 1}, io.ErrUnexpectedEOF},
		"nothing":          {nil, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewReader(bytes.NewReader(tc.in)).Next(); !errors.Is(err, tc.want) {
				t.Fatalf("Next = %v, want %v", err, tc.want)
			}
		})
	}
}

func TestWriterRefusesAFrameOverTheLimit(t *testing.T) {
	if err := NewWriter(io.Discard).Send(TypeData, make([]byte, MaxPayload+1)); !errors.Is(err, ErrFrame) {
		t.Fatalf("Send = %v, want ErrFrame", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 2, 'a', 'b', 4, 0, 0, 0, 0})
	f.Add([]byte{2, 0, 0, 0, 2, '{', '}'})
	f.Add([]byte{9, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in))
		var again bytes.Buffer
		w := NewWriter(&again)
		for {
			fr, err := r.Next()
			if err != nil {
				break
			}
			if len(fr.Payload) > MaxPayload {
				t.Fatalf("payload of %d bytes", len(fr.Payload))
			}
			if err := w.Send(fr.Type, fr.Payload); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(in, again.Bytes()) {
			t.Fatal("frames written back differ from those read")
		}
	})
}
