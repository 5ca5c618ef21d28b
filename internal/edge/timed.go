package edge

import (
	"errors"
	"io"
	"net/http"
	"sync"
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

	chunks *sync.Pool // nil: none are kept
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

// Bounds in bytes of what is written at once. Large writes cost less a byte. A client that is slow to take one gets smaller ones,
// so that only one who takes hardly anything stands still for as long as a deadline.
const (
	minChunk = 32 << 10
	maxChunk = 512 << 10
)

// ReadFrom implements io.ReaderFrom, which io.Copy uses.
func (t *timedWriter) ReadFrom(from io.Reader) (n int64, err error) {
	buf := t.chunk()
	defer t.release(buf)
	for size := minChunk; ; {
		got, end := io.ReadFull(from, (*buf)[:size])
		if got > 0 {
			began := time.Now()
			put, err := t.Write((*buf)[:got])
			n += int64(put)
			if err != nil {
				return n, err
			}
			size = nextChunk(size, time.Since(began), t.stall)
		}
		switch {
		case errors.Is(end, io.EOF), errors.Is(end, io.ErrUnexpectedEOF):
			return n, nil
		case end != nil:
			return n, end
		}
	}
}

// writeAll writes what is in memory, in the same way.
func (t *timedWriter) writeAll(data []byte) {
	for size := minChunk; len(data) > 0 && t.err == nil; {
		part := data[:min(size, len(data))]
		data = data[len(part):]
		began := time.Now()
		if _, err := t.Write(part); err == nil && len(data) > 0 {
			size = nextChunk(size, time.Since(began), t.stall)
		}
	}
}

func nextChunk(size int, took, stall time.Duration) int {
	switch {
	case took < stall/64:
		return min(2*size, maxChunk)
	case took > stall/16:
		return max(size/2, minChunk)
	}
	return size
}

func (t *timedWriter) chunk() *[]byte {
	if t.chunks != nil {
		if buf, ok := t.chunks.Get().(*[]byte); ok {
			return buf
		}
	}
	buf := make([]byte, maxChunk)
	return &buf
}

func (t *timedWriter) release(buf *[]byte) {
	if t.chunks != nil {
		t.chunks.Put(buf)
	}
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
