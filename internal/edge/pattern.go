package edge

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// maxPattern bounds the made-up video in bytes.
const maxPattern = 32 << 20

// madeUp is the made-up video, once one has asked for it. The zero value has none.
type madeUp struct {
	mu  sync.Mutex
	now *making // nil: none has asked, or it could not be made
}

// making is one attempt. Its other fields are set before done is closed.
type making struct {
	done chan struct{}
	clip []byte
	from time.Time
	err  error
}

var errPatternTooLarge = errors.New("make pattern: it is larger than it may be")

// get returns the video, and has it made where there is none. All who ask while it is made get what comes of it, an error too, so
// that no one waits longer than it takes; who leaves takes it from nobody else.
func (m *madeUp) get(ctx context.Context, by Processor) ([]byte, time.Time, error) {
	m.mu.Lock()
	now := m.now
	if now == nil {
		now = &making{done: make(chan struct{})}
		m.now = now
		go m.make(context.WithoutCancel(ctx), now, by)
	}
	m.mu.Unlock()
	select {
	case <-now.done:
		return now.clip, now.from, now.err
	case <-ctx.Done():
		return nil, time.Time{}, context.Cause(ctx)
	}
}

func (m *madeUp) make(ctx context.Context, now *making, by Processor) {
	var out bounded
	now.err = by.Pattern(ctx, &out)
	now.clip, now.from = out.Bytes(), time.Now()
	if now.err != nil {
		m.mu.Lock()
		m.now = nil
		m.mu.Unlock()
	}
	close(now.done)
}

// bounded is a buffer of at most maxPattern bytes.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxPattern {
		return 0, errPatternTooLarge
	}
	return b.Buffer.Write(p)
}

// pattern answers with a video to try a pipeline with. It costs strangers nothing to ask for, so that it is made once, and always
// the same.
func (e *Edge) pattern(w http.ResponseWriter, r *http.Request) {
	if e.cfg.Processor == nil {
		writeError(w, noProcessor())
		return
	}
	if e.cfg.Draining() {
		writeError(w, draining(nil))
		return
	}
	clip, from, err := e.madeUp.get(r.Context(), e.cfg.Processor)
	if err != nil {
		writeError(w, e.workError(r, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("Cache-Control", "no-cache")
	h["X-Content-Type-Options"] = noSniff
	http.ServeContent(w, r, "", from, bytes.NewReader(clip))
}
