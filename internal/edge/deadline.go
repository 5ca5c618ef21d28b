package edge

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// DeadlineHint carries the moment, in nanoseconds since 1970 UTC, after which the client has no use for the answer.
const DeadlineHint = "X-Deadline-Hint"

// withDeadline bounds the work for a request by its deadline hint. The error is one for the client: the hint is not a number,
// or has passed.
func withDeadline(r *http.Request, now time.Time) (context.Context, context.CancelFunc, error) {
	values := r.Header.Values(DeadlineHint)
	if len(values) == 0 {
		ctx, cancel := context.WithCancel(r.Context())
		return ctx, cancel, nil
	}
	deadline, ok := parseDeadline(values)
	if !ok {
		return nil, nil, &Error{
			Status: http.StatusBadRequest, Code: "invalid_deadline", Field: DeadlineHint,
			Message: fmt.Sprintf("%s %s: not a moment in nanoseconds since 1970: send it once, as digits", DeadlineHint, shown(values[0])),
		}
	}
	if !deadline.After(now) {
		return nil, nil, &Error{
			Status: http.StatusGatewayTimeout, Code: "deadline_passed", Field: DeadlineHint,
			Message: fmt.Sprintf("the deadline passed %s ago: send a later one, or check the clocks", now.Sub(deadline).Round(time.Millisecond)),
		}
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	return ctx, cancel, nil
}

// parseDeadline takes one value of digits alone. ParseInt would take a sign as well.
func parseDeadline(values []string) (time.Time, bool) {
	if len(values) != 1 || values[0] == "" || values[0][0] < '0' || values[0][0] > '9' {
		return time.Time{}, false
	}
	ns, err := strconv.ParseInt(values[0], 10, 64)
	return time.Unix(0, ns), err == nil
}
