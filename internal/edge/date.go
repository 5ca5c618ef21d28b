package edge

import (
	"net/http"
	"sync/atomic"
	"time"
)

// date is the Date of answers (RFC 9110, section 6.6.1), made once a second. The zero value is ready.
type date struct{ last atomic.Pointer[second] }

type second struct {
	unix int64
	text []string // shared by all answers of this second
}

func (d *date) at(now time.Time) []string {
	last := d.last.Load()
	if last == nil || last.unix != now.Unix() {
		last = &second{now.Unix(), []string{now.UTC().Format(http.TimeFormat)}}
		d.last.Store(last)
	}
	return last.text
}
