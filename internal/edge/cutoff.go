package edge

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"
)

func clientGone(message string, err error) *Error {
	return &Error{Status: StatusClientGone, Code: "client_gone", Message: message, Err: err}
}

// draining is the error of video that a node about to end refuses or cuts off.
func draining(err error) *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: "draining", RetryAfter: 5 * time.Second, Err: err,
		Message: "the node is about to end and takes no video: use another node, or try again later",
	}
}

// cutOff reports whether a failure is that of a connection that ended, or of work that was stopped. A connection on which
// nothing moved for too long is the client's doing at any time.
func cutOff(e *Error) bool {
	switch e.Code {
	case "client_gone", "incomplete_body", "canceled":
		return !errors.Is(e.Err, os.ErrDeadlineExceeded)
	}
	return false
}

// workError tells a client that left, and a node that ends, from a node that failed.
func (e *Edge) workError(r *http.Request, err error) *Error {
	failure := asError(err)
	// Over HTTP/1.1 a body that does not come in time ends the request's context as well.
	if errors.Is(r.Context().Err(), context.Canceled) && !errors.Is(err, os.ErrDeadlineExceeded) {
		failure = clientGone("the client left", err)
	}
	if e.cfg.Draining() && cutOff(failure) {
		return draining(err)
	}
	return failure
}
