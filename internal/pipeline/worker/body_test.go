package worker

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"quicedge/internal/pipeline/wire"
)

// frames returns what a node sends: data, End, and the next job.
func frames(t *testing.T, data ...string) *wire.Reader {
	t.Helper()
	var b bytes.Buffer
	w := wire.NewWriter(&b)
	for _, d := range data {
		if err := w.Send(wire.TypeData, []byte(d)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Send(wire.TypeEnd, nil), w.SendJSON(wire.TypeJob, wire.Job{})); err != nil {
		t.Fatal(err)
	}
	return wire.NewReader(&b)
}

func TestBodyEndsBeforeTheNextJob(t *testing.T) {
	for name, take := range map[string]int{"read whole": 100, "read in part": 5, "not read": 0} {
		t.Run(name, func(t *testing.T) {
			r := frames(t, "hello ", "", "body")
			b := &body{frames: r}
			got, err := io.ReadAll(io.LimitReader(b, int64(take)))
			if err != nil || !strings.HasPrefix("hello body", string(got)) || len(got) != min(take, 10) {
				t.Fatalf("read %q, %v", got, err)
			}
			if err := b.discard(); err != nil {
				t.Fatal(err)
			}
			if next, err := r.Next(); err != nil || next.Type != wire.TypeJob {
				t.Fatalf("after the body: %v, %v", next.Type, err)
			}
		})
	}
}

func TestBodyOfABrokenSocketIsBroken(t *testing.T) {
	b := &body{frames: wire.NewReader(strings.NewReader("\x03\x00\x00\x00\x02ab"))}
	if _, err := io.ReadAll(b); err == nil && b.broken == nil {
		t.Fatal("a body without an end was read to its end")
	}
	if b.broken == nil {
		t.Error("the socket does not count as broken")
	}
}
