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
		rec := &recorder{ResponseWriter: w, edge: e, began: time.Now()}
		e.identify(r, &rec.who)
		boundBody(w, r, e.cfg.BodyTime)

		e.metrics.inFlight.Inc()
		aborted := e.shield(rec, handle, r)
		if rec.whole.as != nil {
			aborted = e.sendWhole(rec, r)
		}
		e.metrics.inFlight.Dec()

		e.account(name, r, rec)
		if aborted {
			panic(http.ErrAbortHandler)
		}
	})
}

// account counts a request that has ended, and logs it.
func (e *Edge) account(name string, r *http.Request, rec *recorder) {
	took := time.Since(rec.began)
	rec.who.class = e.classOf(rec.who.addr)
	e.metrics.observe(name, r, rec.outcome(), rec.who.class, took)
	e.logRequest(name, r, rec, took)
}

// shield runs a handler and reports whether the response must be aborted: the handler asked for it, or panicked after the
// header was sent. A panic before that is answered with 500.
func (e *Edge) shield(rec *recorder, h http.HandlerFunc, r *http.Request) (aborted bool) {
	defer func() {
		if p := recover(); p != nil {
			aborted = e.panicked(rec, r, p)
		}
	}()
	h(rec, r)
	return false
}

func (e *Edge) panicked(rec *recorder, r *http.Request, p any) (aborted bool) {
	if p == http.ErrAbortHandler {
		return true
	}
	e.cfg.Log.Error("panic in handler", "request_id", rec.who.request, "trace_id", rec.who.trace.id(), "path", printable(r.URL.Path), "panic", p, "stack", string(debug.Stack()))
	failure := asError(fmt.Errorf("panic: %v", p))
	if rec.status != 0 {
		rec.err = failure
		return true
	}
	writeError(rec, failure)
	return false
}
