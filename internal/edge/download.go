package edge

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Trailers of a stream's answer (RFC 9110, section 6.5).
const (
	TrailerFrames   = "X-Quicedge-Frames"     // video frames written
	TrailerElapsed  = "X-Quicedge-Elapsed-Ms" // from the request's header to the last byte
	TrailerCopied   = "X-Quicedge-Bytes-Copied-Per-Frame"
	TrailerVerdicts = "X-Quicedge-Verdicts" // JSON, of pipelines that moderate
	TrailerError    = "X-Quicedge-Error"    // "code: message", to clients that sent "TE: trailers"
)

// download is the body of a stream's answer. Its first Write sends the header, so that until then an error gets a status of
// its own. Each Write reaches the client before it returns.
type download struct {
	w       http.ResponseWriter
	r       *http.Request
	timed   timedWriter
	kind    string // its media type
	started bool
	err     error
}

func newDownload(w http.ResponseWriter, r *http.Request, stall time.Duration, kind string) *download {
	return &download{w: w, r: r, timed: newTimedWriter(w, r, stall), kind: kind}
}

func (d *download) Write(p []byte) (int, error) {
	if d.err != nil || len(p) == 0 {
		return 0, d.err
	}
	d.start()
	n, err := d.timed.writeThrough(p)
	d.err = err
	return n, err
}

func (d *download) failure() error { return d.err }

func (d *download) start() {
	if d.started {
		return
	}
	d.started = true
	h := d.w.Header()
	h.Set("Content-Type", d.kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if d.hasTrailers() {
		h.Set("Trailer", strings.Join([]string{TrailerFrames, TrailerElapsed, TrailerCopied, TrailerVerdicts, TrailerError}, ", "))
	}
	d.w.WriteHeader(http.StatusOK)
}

func (d *download) succeed(stats StreamStats, took time.Duration) {
	d.start()
	if !d.hasTrailers() {
		return
	}
	h := d.w.Header()
	h.Set(TrailerFrames, strconv.Itoa(stats.Frames))
	h.Set(TrailerCopied, strconv.FormatInt(stats.BytesCopied/max(int64(stats.Frames), 1), 10))
	if stats.Judgement != "" {
		h.Set(TrailerVerdicts, trailerText(stats.Judgement))
	}
	h.Set(TrailerElapsed, strconv.FormatInt(took.Milliseconds(), 10))
}

// fail answers with the error while it can. After the first byte it ends the response so that no client takes it for whole:
// by a trailer for one that said it reads them, by a reset of the stream for the others.
func (d *download) fail(e *Error) {
	switch {
	case e.Status == StatusClientGone:
		noteError(d.w, e)
		panic(http.ErrAbortHandler)
	case !d.started:
		refuse(d.w, d.r, e)
	case takesTrailers(d.r):
		noteError(d.w, e)
		d.w.Header().Set(TrailerError, fmt.Sprintf("%s: %s", e.Code, trailerText(e.Message)))
	default:
		noteError(d.w, e)
		panic(http.ErrAbortHandler)
	}
}

// hasTrailers says whether the answer ends with trailers. Over HTTP/3 only clients that ask get them: Chromium takes an answer with
// trailers that come after its last read for one that was cut off (ERR_CONNECTION_CLOSED), which fails the page's fetch.
func (d *download) hasTrailers() bool { return d.r.ProtoMajor < 3 || takesTrailers(d.r) }

// takesTrailers follows RFC 9110, section 10.1.4.
func takesTrailers(r *http.Request) bool {
	for _, v := range r.Header.Values("Te") {
		for item := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(item), "trailers") {
				return true
			}
		}
	}
	return false
}

// trailerText makes a message fit a header field: one line of ASCII.
func trailerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// refuse answers a stream's request with an error. The rest of its body is not worth reading, so that an HTTP/1.1 connection
// ends here; HTTP/2 and HTTP/3 stop the one stream.
func refuse(w http.ResponseWriter, r *http.Request, e *Error) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	writeError(w, e)
}
