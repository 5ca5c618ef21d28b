package edge

import (
	"net/http"
	"sync/atomic"
	"time"
)

// date is the Date of answers (RFC 9110, section 6.6.1), made once a second. The zero value is ready.
type date struct {
	whole Whole // nil: the field is not encoded
	last  atomic.Pointer[second]
}

// second is the Date of one second, shared by all its answers.
type second struct {
	unix  int64
	text  []string
	field []byte // as it is sent where an answer is sent whole
}

func (d *date) at(now time.Time) *second {
	last := d.last.Load()
	if last == nil || last.unix != now.Unix() {
		last = d.make(now)
		d.last.Store(last)
	}
	return last
}

func (d *date) make(now time.Time) *second {
	text := now.UTC().Format(http.TimeFormat)
	s := &second{unix: now.Unix(), text: []string{text}}
	if d.whole != nil {
		s.field = d.whole.AppendField(nil, "date", text)
	}
	return s
}
