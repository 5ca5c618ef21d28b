package edge

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// logBook is a log that a test reads while it is written.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) has(words ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range words {
		if !strings.Contains(l.text.String(), w) {
			return false
		}
	}
	return true
}

func TestDrainRefusesNewVideoAtOnce(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Draining = func() bool { return true } })
	refused := func(name string, h http.Handler, r *http.Request) {
		w := ask(h, r)
		if code, _, _ := errorOf(t, w.Body.Bytes()); w.Code != 503 || code != "draining" || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, Retry-After %q", name, w.Code, w.Body, w.Header().Get("Retry-After"))
		}
	}
	refused("public stream", e.Public(), httptest.NewRequest("POST", streamPath, strings.NewReader("x")))
	refused("operator's stream", e.Operator(), httptest.NewRequest("POST", streamPath, strings.NewReader("x")))
	refused("process", e.Operator(), post("/api/v1/process", "", goodBody))
	for _, path := range []string{"/healthz", "/livez", "/metrics"} {
		if w := ask(e.Operator(), httptest.NewRequest("GET", path, nil)); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestDrainDoesNotWaitForTheBodyOfARefusedStream(t *testing.T) {
	overBoth(t, func(cfg *Config) { cfg.Draining = func() bool { return true } }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		_, answer := begin(t, s, nil)
		resp := <-answer
		defer resp.Body.Close()
		if resp.StatusCode != 503 {
			t.Errorf("got %d, want 503", resp.StatusCode)
		}
	})
}

func TestStreamCutByADrainIsTheNodesDoing(t *testing.T) {
	var drains atomic.Bool
	var log *logBook
	with := func(cfg *Config) {
		drains.Store(false)
		log = &logBook{}
		cfg.Draining, cfg.Log = drains.Load, slog.New(slog.NewTextHandler(log, nil))
	}
	overBoth(t, with, func(t *testing.T, _ *Edge, s *httptest.Server) {
		body, answer := begin(t, s, nil)
		send(t, body, "x")
		resp := <-answer
		defer resp.Body.Close()
		drains.Store(true)
		s.CloseClientConnections() // as the node does at the end of its drain
		_, _ = io.Copy(io.Discard, resp.Body)
		eventually(t, "the cut stream to be logged as drained", func() bool { return log.has("status=503", "code=draining") })
		if log.has("status=499") {
			t.Error("logged as the client's doing")
		}
	})
}

func TestProcessCutByADrainIsTheNodesDoing(t *testing.T) {
	var drains atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	e := newEdge(t, func(cfg *Config) {
		cfg.Draining = drains.Load
		cfg.Processor = fakeProcessor{synthetic: func(ctx context.Context, _ SyntheticRequest) (SyntheticResult, error) {
			drains.Store(true)
			cancel()
			return SyntheticResult{}, context.Cause(ctx)
		}}
	})
	w := ask(e.Operator(), post("/api/v1/process", "", goodBody).WithContext(ctx))
	if code, _, _ := errorOf(t, w.Body.Bytes()); w.Code != 503 || code != "draining" {
		t.Errorf("got %d %q", w.Code, code)
	}
}

func TestDrainExcusesNoOtherFailure(t *testing.T) {
	for _, e := range []*Error{
		clientGone("the client took no byte of the answer for too long", os.ErrDeadlineExceeded),
		asError(context.DeadlineExceeded), tooLarge(1), uploadError(os.ErrDeadlineExceeded), asError(io.ErrShortWrite),
	} {
		if cutOff(e) {
			t.Errorf("%s (%d) counts as cut off", e, e.Status)
		}
	}
}
