package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"quicedge/internal/pipeline/wire"
)

// FuzzExchange lets a worker say anything to the node: the job ends, no more comes out than the worker sent, and only one
// that has answered may be asked again.
func FuzzExchange(f *testing.F) {
	say := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	taken := sentFrame(f, wire.TypeProgress, wire.Progress{})
	done := sentFrame(f, wire.TypeDone, wire.Done{Frames: 2, Stages: map[string]time.Duration{"decode": 1}})
	f.Add(say(taken, done))
	f.Add(say(taken, sentFrame(f, wire.TypeFail, wire.Fail{Cause: wire.CauseMedia, Stage: "demux", Reason: "no"})))
	f.Add(say(taken, sentFrame(f, wire.TypeProgress, wire.Progress{Frames: -5, InBytes: 1 << 62}), []byte{3, 0, 0, 0, 1, 'x'}, done))
	f.Add(say(taken, sentFrame(f, wire.TypeDone, wire.Done{DamagedPackets: -1, Stages: map[string]time.Duration{"\xff": -9}})))
	f.Add(say(done))
	f.Add([]byte{9, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, said []byte) {
		x, out := heard(t, said)
		_, err := x.receive()
		if err == nil && !x.answered {
			t.Fatal("the job is done without an answer")
		}
		if out.Len() > len(said) {
			t.Fatalf("%d bytes came out of %d", out.Len(), len(said))
		}
		if err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Fatal("an error without words")
		}
	})
}

func sentFrame(f *testing.F, t wire.Type, v any) []byte {
	f.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := wire.NewWriter(&b).Send(t, text); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// heard is an exchange with a worker that says so much and closes its socket; no process is behind it.
func heard(t *testing.T, said []byte) (*exchange, *bytes.Buffer) {
	t.Helper()
	ours, theirs, err := socketpair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	go func() {
		_, _ = theirs.Write(said) // fails where the exchange has closed its end
		_ = theirs.Close()
	}()
	gone := make(chan struct{})
	close(gone)
	log := slog.New(slog.DiscardHandler)
	c := &child{cmd: exec.Command("none"), conn: ours, in: wire.NewReader(ours), out: wire.NewWriter(ours), stderr: &lineLog{log: log}, exited: gone}
	p := &Pool{cfg: Config{StallTimeout: time.Minute, MaxInput: 1 << 20, Log: log}, metrics: newMetrics(), running: map[*exchange]struct{}{}}
	var out bytes.Buffer
	x := &exchange{pool: p, child: c, pipeline: "transcode", in: strings.NewReader(""), out: &out}
	x.watchdog = time.AfterFunc(time.Minute, func() {})
	t.Cleanup(func() { x.watchdog.Stop() })
	return x, &out
}

// failingWriter is a client that is gone.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAWorkersWordsAreNotTrusted(t *testing.T) {
	data := []byte{3, 0, 0, 0, 1, 'x'}
	x, _ := heard(t, data)
	x.out = failingWriter{}
	if _, err := x.receive(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a client that is gone: %v", err)
	}
	x, _ = heard(t, []byte{byte(wire.TypeHello), 0, 0, 0, 0})
	if _, err := x.receive(); !errors.Is(err, wire.ErrFrame) {
		t.Errorf("a Hello in a job: %v", err)
	}
	x, _ = heard(t, data)
	if _, err := x.receive(); !errors.Is(err, ErrWorkerDied) {
		t.Errorf("an end without an answer: %v", err)
	}
}
