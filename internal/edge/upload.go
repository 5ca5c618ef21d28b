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
	until  time.Time // when the Read under way counts as stalled
	closed bool
	ended  bool  // src has returned an error, io.EOF included
	err    error // the first failure that was the connection's: not io.EOF, and not what Close made of a Read
}

func newUpload(w http.ResponseWriter, r *http.Request, limit int64, stall time.Duration) *upload {
	return &upload{src: http.MaxBytesReader(w, r.Body, limit), rc: http.NewResponseController(w), stall: stall}
}

func (u *upload) Read(p []byte) (int, error) {
	if !u.arm() {
		return 0, errUploadClosed
	}
	n, err := u.src.Read(p)
	return n, u.note(err)
}

func (u *upload) arm() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.until = time.Now().Add(u.stall)
	_ = u.rc.SetReadDeadline(u.until)
	return true
}

// note keeps what a Read returned. A stall is told from a Close, which also lets a deadline pass, by the time.
func (u *upload) note(err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(u.until) {
		u.err = err
	}
	if u.closed {
		return errUploadClosed
	}
	// HTTP/2 fails the body when a deadline passes, also between two reads: so none is left standing.
	_ = u.rc.SetReadDeadline(time.Time{})
	if err != nil {
		u.ended = true
		if u.err == nil && !errors.Is(err, io.EOF) {
			u.err = err
		}
	}
	return err
}

// Close ends a blocked Read by a deadline that has passed. A body that was read to its end is left alone: over HTTP/1.1 the
// server already listens for the next request on the connection, which the deadline would end.
func (u *upload) Close() error {
	u.cut(nil)
	return nil
}

// cut closes the upload for a reason. Over HTTP/1.1 a Read that fails cancels the request's context, as a client that leaves
// does: so the reason counts only where the upload was still open.
func (u *upload) cut(reason error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	u.closed = true
	if u.err == nil {
		u.err = reason
	}
	if !u.ended {
		_ = u.rc.SetReadDeadline(time.Unix(1, 0))
	}
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

// uploadError says to the client why its upload failed.
func uploadError(err error) *Error {
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(over.Limit)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Error{
			Status: http.StatusRequestTimeout, Code: "upload_stalled", Err: err,
			Message: "no byte of the video came for too long: send it without pauses",
		}
	case errors.Is(err, context.DeadlineExceeded):
		return asError(err)
	case errors.Is(err, context.Canceled):
		return clientGone("the client left", err)
	}
	return &Error{
		Status: http.StatusBadRequest, Code: "incomplete_body", Err: err,
		Message: "the video was cut off before its end: send it again",
	}
}
