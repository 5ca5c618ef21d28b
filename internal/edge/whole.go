package edge

import (
	"net/http"
	"sync"
	"time"
)

// Whole sends answers that are there as a whole, with header fields that were encoded beforehand. It must be safe for concurrent use.
type Whole interface {
	// AppendField appends a header field as it is sent. The name is in lower case.
	AppendField(to []byte, name, value string) []byte

	// Send answers a request with fields, ":status" the first of them, those that the writer's header has, and a body. taken is
	// false where it cannot: then w is as it was. Otherwise the answer is over, also where the client did not take it to its end,
	// within stall, which is the error.
	Send(w http.ResponseWriter, fields, body []byte, stall time.Duration) (taken bool, err error)
}

// maxWhole is the size in bytes of the largest file that is sent whole: it is copied, and of larger ones the copy costs more than it
// saves.
const maxWhole = 16 << 10

// encode makes the fields of an answer with a variant, for all but its date and id.
func (s *resource) encode(v *variant, whole Whole) []byte {
	fields := whole.AppendField(nil, ":status", "200")
	for _, f := range []struct {
		name   string
		values []string
	}{
		{"server", serverHeader},
		{"content-type", s.contentType},
		{"x-content-type-options", noSniff},
		{"vary", s.vary},
		{"content-encoding", v.encoded},
		{"etag", v.tag},
		{"content-length", v.length},
		{"last-modified", v.changed},
		{"accept-ranges", acceptRanges},
	} {
		for _, value := range f.values {
			fields = whole.AppendField(fields, f.name, value)
		}
	}
	return fields
}

// whole is an answer that is sent when its handler has returned, which gives back what it needs on the stack of the request's goroutine:
// to enlarge that costs as much as to answer.
type whole struct {
	of *resource
	as *variant // nil: there is none
}

// takesWhole notes an answer with a variant if it is of those that are sent so, and reports whether it is.
func takesWhole(w http.ResponseWriter, r *http.Request, res *resource, v *variant) bool {
	rec, ok := w.(*recorder)
	if !ok || v.fields == nil || rec.headed || r.ProtoMajor != 3 || conditional(r.Header) || len(r.Header[DeadlineHint]) > 0 {
		return false
	}
	rec.whole = whole{res, v}
	return true
}

// sendWhole sends what was noted, and reports whether the response must be aborted.
func (e *Edge) sendWhole(rec *recorder, r *http.Request) (aborted bool) {
	body := rec.whole.as.data
	if r.Method == http.MethodHead {
		body = nil
	}
	buf := e.fields.get()
	rec.appendFields(buf)
	taken, err := e.cfg.Whole.Send(rec.ResponseWriter, *buf, body, e.cfg.Stall)
	e.fields.put(buf)
	if !taken {
		return e.shield(rec, rec.sendParts, r)
	}
	rec.status, rec.bytes = http.StatusOK, int64(len(body))
	if err != nil {
		rec.bytes = 0
		noteError(rec, unsentError(r, err))
	}
	return false
}

// sendParts sends it through net/http after all.
func (r *recorder) sendParts(w http.ResponseWriter, q *http.Request) {
	r.edge.sendParts(w, q, r.whole.of, r.whole.as)
}

// appendFields puts together the fields of the answer.
func (r *recorder) appendFields(buf *[]byte) {
	to := append((*buf)[:0], r.whole.as.fields...)
	to = append(to, r.edge.date.at(r.began).field...)
	to = r.edge.cfg.Whole.AppendField(to, "x-request-id", r.who.request)
	if r.who.trace.continued() {
		to = r.edge.cfg.Whole.AppendField(to, "traceresponse", r.who.trace.String())
	}
	*buf = to
}

// fieldBuffers are kept between answers. The zero value is ready.
type fieldBuffers struct{ pool sync.Pool }

func (b *fieldBuffers) get() *[]byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return buf
	}
	return new([]byte)
}

func (b *fieldBuffers) put(buf *[]byte) { b.pool.Put(buf) }
