package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

var errUploadClosed = errors.New("read upload: closed")

// upload is the body of a stream's request. A client that sends nothing while it is waited for is cut off; one that is held
// back by a slow pipeline is not. Close ends a Read that is blocked.
type upload struct {
	src   io.Reader
	rc    *http.ResponseController
	stall time.Duration

	mu     sync.Mutex
	closed bool
	ended  bool  // src has returned an error, io.EOF included
	err    error // what it was, but for io.EOF
}

func newUpload(w http.ResponseWriter, r *http.Request, limit int64, stall time.Duration) *upload {
	return &upload{src: http.MaxBytesReader(w, r.Body, limit), rc: http.NewResponseController(w), stall: stall}
}

func (u *upload) Read(p []byte) (int, error) {
	if !u.arm() {
		return 0, errUploadClosed
	}
	n, err := u.src.Read(p)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return n, errUploadClosed
	}
	// HTTP/2 fails the body when a deadline passes, also between two reads: so none is left standing.
	_ = u.rc.SetReadDeadline(time.Time{})
	if err != nil {
		u.ended = true
		if !errors.Is(err, io.EOF) {
			u.err = err
		}
	}
	return n, err
}

func (u *upload) arm() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	_ = u.rc.SetReadDeadline(time.Now().Add(u.stall))
	return true
}

// Close ends a blocked Read by a deadline that has passed. A body that was read to its end is left alone: over HTTP/1.1 the
// server already listens for the next request on the connection, which the deadline would end.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil
	}
	u.closed = true
	if !u.ended {
		_ = u.rc.SetReadDeadline(time.Unix(1, 0))
	}
	return nil
}

// failure returns why the body could not be read to its end, nil where it could or was not wanted.
func (u *upload) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

func tooLarge(limit int64) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Code: "body_too_large",
		Message: fmt.Sprintf("the video is over %d bytes: send it in parts", limit),
	}
}

func uploadError(r *http.Request, err error) *Error {
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(over.Limit)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Error{
			Status: http.StatusRequestTimeout, Code: "upload_stalled", Err: err,
			Message: "no byte of the video came for too long: send it without pauses",
		}
	case errors.Is(r.Context().Err(), context.Canceled):
		return clientGone("the client left", err)
	}
	return &Error{
		Status: http.StatusBadRequest, Code: "incomplete_body", Err: err,
		Message: "the video was cut off before its end: send it again",
	}
}
