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
	mu   sync.Mutex
	clip []byte
	from time.Time
}

var errPatternTooLarge = errors.New("make pattern: it is larger than it may be")

// get returns the video, and makes it where there is none. Those who ask while it is made wait for it: it is made once.
func (m *madeUp) get(ctx context.Context, by Processor) ([]byte, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clip != nil {
		return m.clip, m.from, nil
	}
	var out bounded
	if err := by.Pattern(ctx, &out); err != nil {
		return nil, time.Time{}, err
	}
	m.clip, m.from = out.Bytes(), time.Now()
	return m.clip, m.from, nil
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
