package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// StatusClientGone stands in the log and the metrics for a request whose client left before its answer. It is nginx's number;
// no client ever sees it.
const StatusClientGone = 499

// Error is an error that a client may see.
type Error struct {
	Status     int           // HTTP status
	Code       string        // stable name for programs, such as "unknown_pipeline"
	Message    string        // for people; ends with what to do
	Field      string        // the field, parameter or header at fault, where there is one
	RetryAfter time.Duration // when to try again, rounded up to seconds; 0: not said
	Err        error         // what caused it: logged, never sent
}

// InvalidField returns the error for a value that a field does not take. reason says what it takes.
func InvalidField(field string, value any, reason string) *Error {
	text := shown(value)
	if s, ok := value.(string); ok && number.MatchString(s) {
		text = printable(s)
	}
	return &Error{
		Status: http.StatusBadRequest, Code: "invalid_value", Field: field,
		Message: fmt.Sprintf("%s %s: %s", field, text, reason),
	}
}

// number matches what needs no quotes in a message.
var number = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// Error is for the log: the message and its cause, one of them where it says what the other does.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	cause := e.Err.Error()
	switch {
	case strings.Contains(cause, e.Message):
		return cause
	case strings.Contains(e.Message, cause):
		return e.Message
	}
	return e.Message + ": " + cause
}

// Unwrap returns what caused the error.
func (e *Error) Unwrap() error { return e.Err }

// asError makes any error one that a client may see.
func asError(err error) *Error {
	if shown, ok := errors.AsType[*Error](err); ok {
		return shown
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{
			Status: http.StatusGatewayTimeout, Code: "deadline_exceeded", Field: DeadlineHint, Err: err,
			Message: "the work was not done by the deadline of " + DeadlineHint + ": allow more time",
		}
	case errors.Is(err, context.Canceled):
		return &Error{
			Status: http.StatusServiceUnavailable, Code: "canceled", Err: err,
			Message: "the node stopped the work: try again",
		}
	case errors.Is(err, syscall.ENOSPC):
		return &Error{
			Status: http.StatusInsufficientStorage, Code: "insufficient_storage", Err: err,
			Message: "the node has no room left to hold this video: send an MP4 whose index comes first (ffmpeg -c copy -movflags +faststart), ask for an answer in fragments at once, " +
				"try another node, or ask the operator to free space in the folder for temporary files",
		}
	}
	return &Error{
		Status: http.StatusInternalServerError, Code: "internal", Err: err,
		Message: "the node failed: ask its operator to look up the X-Request-Id of this answer in the log",
	}
}

// writeError answers a request with an error as JSON.
func writeError(w http.ResponseWriter, e *Error) {
	noteError(w, e)
	h := w.Header()
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	writeJSON(w, e.Status, map[string]any{"error": e.body()})
}

// body is the error as clients see it.
func (e *Error) body() map[string]any {
	body := map[string]any{"code": e.Code, "message": e.Message}
	if e.Field != "" {
		body["field"] = e.Field
	}
	return body
}

// writeJSON answers with one line of JSON. An error of the write is the client's, which is gone.
func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// shown quotes a value for a message: a stranger's text, at most 64 bytes of it.
func shown(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(printable(s))
	}
	return printable(fmt.Sprint(v))
}

// printable shortens a stranger's text to 64 bytes and makes its control and other non-ASCII characters question marks.
func printable(s string) string {
	cut := s[:min(len(s), 64)]
	cut = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, cut)
	if len(s) > len(cut) && len(s) > 64 {
		cut += "..."
	}
	return cut
}
