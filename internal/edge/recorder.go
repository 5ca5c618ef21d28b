package edge

import (
	"net/http"
	"time"
)

// recorder notes what was answered. http.ResponseController reaches the writer below through Unwrap.
type recorder struct {
	http.ResponseWriter
	edge   *Edge
	who    identity
	began  time.Time
	headed bool // the fields that every answer has are in the header
	status int  // sent; 0 before the header
	bytes  int64
	whole  whole  // what is to be sent when the handler has returned
	err    *Error // what the handler says went wrong, where it did
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Header puts in what every answer has when a handler comes for it first: one that is sent whole has it encoded.
func (r *recorder) Header() http.Header {
	h := r.ResponseWriter.Header()
	if !r.headed {
		r.headed = true
		r.head(h)
	}
	return h
}

func (r *recorder) head(h http.Header) {
	h["Server"] = serverHeader
	h["Date"] = r.edge.date.at(r.began).text
	h[RequestIDHeader] = []string{r.who.request}
	if r.who.trace.continued() {
		h[TraceResponse] = []string{r.who.trace.String()}
	}
}

// serverHeader is shared by all answers, and never changed.
var serverHeader = []string{serverName}

const serverName = "quicedge"

func (r *recorder) WriteHeader(status int) {
	r.begin(status)
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.begin(http.StatusOK)
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// begin takes note of the status that is sent first.
func (r *recorder) begin(status int) {
	if r.status != 0 {
		return
	}
	r.Header()
	if status >= 200 {
		r.status = status
		boundWrite(r.ResponseWriter, r.edge.cfg.Stall)
	}
}

// outcome is the status for the log and the metrics: the error's where a handler failed after it had sent 200.
func (r *recorder) outcome() int {
	switch {
	case r.err != nil:
		return r.err.Status
	case r.status == 0:
		return http.StatusOK
	}
	return r.status
}

// noteError tells the log and the metrics what went wrong.
func noteError(w http.ResponseWriter, e *Error) {
	if rec, ok := w.(*recorder); ok && rec.err == nil {
		rec.err = e
	}
}
