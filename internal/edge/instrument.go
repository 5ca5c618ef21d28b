package edge

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"quicedge/internal/path"
)

// instrument gives every request of a handler an id, a class, a line in the log and its place in the metrics, and keeps a panic
// within it. name is the value of the handler label.
func (e *Edge) instrument(name string, h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		client := e.cfg.Classify(clientAddr(r))
		id := requestID(r.Header)
		w.Header().Set("Server", "quicedge")
		w.Header().Set(RequestIDHeader, id)
		rec := &recorder{ResponseWriter: w}

		e.metrics.inFlight.Inc()
		aborted := e.shield(rec, id, h, r.WithContext(withRequestID(r.Context(), id)))
		e.metrics.inFlight.Dec()

		took := time.Since(began)
		e.metrics.observe(name, r, rec.outcome(), client.Class, took)
		e.logRequest(name, id, r, rec, client, took)
		if aborted {
			panic(http.ErrAbortHandler)
		}
	})
}

// shield runs a handler and reports whether the response must be aborted: the handler asked for it, or panicked after the
// header was sent. A panic before that is answered with 500.
func (e *Edge) shield(rec *recorder, id string, h http.HandlerFunc, r *http.Request) (aborted bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			aborted = true
			return
		}
		e.cfg.Log.Error("panic in handler", "request_id", id, "path", printable(r.URL.Path), "panic", p, "stack", string(debug.Stack()))
		failure := asError(fmt.Errorf("panic: %v", p))
		if aborted = rec.status != 0; aborted {
			rec.err = failure
			return
		}
		writeError(rec, failure)
	}()
	h(rec, r)
	return false
}

// logRequest writes one line a request: failures of the node as warnings, video as news, the many small rest for debugging.
func (e *Edge) logRequest(name, id string, r *http.Request, rec *recorder, client path.Match, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case rec.outcome() >= 500:
		level = slog.LevelWarn
	case name == "stream" || name == "process":
		level = slog.LevelInfo
	}
	if !e.cfg.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", id), slog.String("handler", name), slog.String("method", printable(r.Method)),
		slog.String("path", printable(r.URL.Path)), slog.String("proto", protocol(r)), slog.Int("status", rec.outcome()),
		slog.Int64("bytes", rec.bytes), slog.Duration("duration", took), slog.String("client", client.Addr.String()),
		slog.String("province", client.Class.Province().String()), slog.String("isp", client.Class.ISP().String()),
	}
	if rec.err != nil {
		attrs = append(attrs, slog.String("code", rec.err.Code), slog.String("error", rec.err.Error()))
	}
	e.cfg.Log.LogAttrs(r.Context(), level, "request", attrs...)
}
