package edge

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// instrument gives every request of a handler an id, a class, a line in the log and its place in the metrics, and keeps a panic
// within it. name is the value of the handler label.
func (e *Edge) instrument(name string, handle http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		who := e.identify(r)
		h := w.Header()
		h["Server"] = serverHeader
		h["Date"] = e.date.at(began)
		h[RequestIDHeader] = []string{who.request}
		if who.trace.Parent != [8]byte{} { // the client takes part in a trace
			h[TraceResponse] = []string{who.trace.String()}
		}
		boundBody(w, r, e.cfg.BodyTime)
		rec := &recorder{ResponseWriter: w, stall: e.cfg.Stall}

		e.metrics.inFlight.Inc()
		aborted := e.shield(rec, who, handle, r.WithContext(withIdentity(r.Context(), who)))
		e.metrics.inFlight.Dec()

		took := time.Since(began)
		e.metrics.observe(name, r, rec.outcome(), who.class, took)
		e.logRequest(name, who, r, rec, took)
		if aborted {
			panic(http.ErrAbortHandler)
		}
	})
}

// serverHeader is shared by all answers, and never changed.
var serverHeader = []string{"quicedge"}

// shield runs a handler and reports whether the response must be aborted: the handler asked for it, or panicked after the
// header was sent. A panic before that is answered with 500.
func (e *Edge) shield(rec *recorder, who *identity, h http.HandlerFunc, r *http.Request) (aborted bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			aborted = true
			return
		}
		e.cfg.Log.Error("panic in handler", "request_id", who.request, "trace_id", who.trace.id(), "path", printable(r.URL.Path), "panic", p, "stack", string(debug.Stack()))
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
