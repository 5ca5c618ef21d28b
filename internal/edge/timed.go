package edge

import (
	"net/http"
	"time"
)

// timedWriter fails a write that a client does not take within a time. A server-wide write timeout would cut long downloads;
// this one cuts only those that stand still.
type timedWriter struct {
	http.ResponseWriter
	rc    *http.ResponseController
	stall time.Duration
	until time.Time // no write goes on beyond it; zero: none ends the whole
	clear bool      // between two writes no deadline may stand
	err   error     // of the first write that failed
}

// newTimedWriter makes one for the answer to r. HTTP/2 resets a stream when its deadline passes, between two writes as well. The
// others only fail writes by it: there it stands until the next one, for what the server itself writes at the end.
func newTimedWriter(w http.ResponseWriter, r *http.Request, stall time.Duration) timedWriter {
	t := timedWriter{ResponseWriter: w, rc: http.NewResponseController(w), stall: stall, clear: r.ProtoMajor == 2}
	t.until, _ = r.Context().Deadline()
	return t
}

func (t *timedWriter) Write(p []byte) (int, error) {
	t.arm()
	n, err := t.ResponseWriter.Write(p)
	t.done(err)
	return n, err
}

// writeThrough writes and leaves nothing in a buffer.
func (t *timedWriter) writeThrough(p []byte) (int, error) {
	t.arm()
	n, err := t.ResponseWriter.Write(p)
	if err == nil {
		err = t.rc.Flush()
	}
	t.done(err)
	return n, err
}

func (t *timedWriter) arm() {
	at := time.Now().Add(t.stall)
	if !t.until.IsZero() && t.until.Before(at) {
		at = t.until
	}
	_ = t.rc.SetWriteDeadline(at)
}

func (t *timedWriter) done(err error) {
	if t.err == nil {
		t.err = err
	}
	if t.clear {
		_ = t.rc.SetWriteDeadline(time.Time{})
	}
}
