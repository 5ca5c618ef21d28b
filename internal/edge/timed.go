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
}

func newTimedWriter(w http.ResponseWriter, stall time.Duration) timedWriter {
	return timedWriter{ResponseWriter: w, rc: http.NewResponseController(w), stall: stall}
}

func (t timedWriter) Write(p []byte) (int, error) {
	_ = t.rc.SetWriteDeadline(time.Now().Add(t.stall))
	n, err := t.ResponseWriter.Write(p)
	_ = t.rc.SetWriteDeadline(time.Time{}) // HTTP/2 resets the stream when it passes, also between two writes
	return n, err
}

// writeThrough writes and leaves nothing in a buffer.
func (t timedWriter) writeThrough(p []byte) (int, error) {
	_ = t.rc.SetWriteDeadline(time.Now().Add(t.stall))
	n, err := t.ResponseWriter.Write(p)
	if err == nil {
		err = t.rc.Flush()
	}
	_ = t.rc.SetWriteDeadline(time.Time{})
	return n, err
}
