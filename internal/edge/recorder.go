package edge

import (
	"net/http"
	"time"
)

// recorder notes what was answered. http.ResponseController reaches the writer below through Unwrap.
type recorder struct {
	http.ResponseWriter
	stall  time.Duration // that a client may take no byte for
	status int           // sent; 0 before the header
	bytes  int64
	err    *Error // what the handler says went wrong, where it did
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
		boundWrite(r.ResponseWriter, r.stall)
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
		boundWrite(r.ResponseWriter, r.stall)
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
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
