package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"
	"time"
)

// send answers with a resource.
func (e *Edge) send(w http.ResponseWriter, r *http.Request, res *resource) {
	v := res.choose(r.Header)
	if !takesWhole(w, r, res, v) {
		e.sendParts(w, r, res, v)
	}
}

// sendParts answers through net/http.
func (e *Edge) sendParts(w http.ResponseWriter, r *http.Request, res *resource, v *variant) {
	h := w.Header()
	h["Content-Type"] = res.contentType
	h["X-Content-Type-Options"] = noSniff
	if res.vary != nil {
		h["Vary"] = res.vary
	}
	if v.encoded != nil {
		h["Content-Encoding"] = v.encoded
	}
	timed := newTimedWriter(w, r, e.cfg.Stall)
	timed.chunks = &e.chunks
	if v.data != nil {
		h["Etag"] = v.tag
		sendHeld(&timed, r, v)
	} else {
		e.sendFile(&timed, r, v)
	}
	if timed.err != nil {
		unsent(w, r, timed.err)
	}
}

var noSniff = []string{"nosniff"}

// sendHeld leaves ranges and conditions to net/http, and does the rest itself.
func sendHeld(w *timedWriter, r *http.Request, v *variant) {
	if conditional(r.Header) {
		http.ServeContent(w, r, "", time.Unix(0, v.of.changed), bytes.NewReader(v.data))
		return
	}
	h := w.Header()
	h["Content-Length"] = v.length
	h["Last-Modified"] = v.changed
	h["Accept-Ranges"] = acceptRanges
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.writeAll(v.data) // the writer keeps the error
	}
}

var acceptRanges = []string{"bytes"}

func conditional(h http.Header) bool {
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// sendFile sends what is on the disk now, which may have changed since it was looked at.
func (e *Edge) sendFile(w *timedWriter, r *http.Request, v *variant) {
	// O_NONBLOCK: to open a pipe would otherwise wait for its writer.
	f, err := e.root.OpenFile(v.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		w.Header().Del("Content-Encoding")
		fileError(w.ResponseWriter, r, err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w.ResponseWriter, r)
		return
	}
	w.Header().Set("Etag", stampOf(info).tag(v.encoding))
	content := &opened{File: f, size: info.Size()}
	http.ServeContent(w, r, "", info.ModTime(), content)
	if w.err == nil && content.err != nil {
		noteError(w.ResponseWriter, asError(fmt.Errorf("read %s: %w", v.name, content.err)))
		panic(http.ErrAbortHandler) // so that no client takes it for whole: one that is compressed has no length
	}
}

// opened is a file that is sent. net/http ends an answer in order where reading it fails, or where it has become shorter than it was.
type opened struct {
	*os.File
	size int64 // when it was opened
	err  error // why not all of that could be read
}

func (o *opened) Read(p []byte) (int, error) {
	n, err := o.File.Read(p)
	if err == nil {
		return n, nil
	}
	if at, seek := o.Seek(0, io.SeekCurrent); !errors.Is(err, io.EOF) || seek == nil && at < o.size {
		o.err = err
	}
	return n, err
}

// unsent ends an answer that its client did not take to its end.
func unsent(w http.ResponseWriter, r *http.Request, err error) {
	noteError(w, unsentError(r, err))
	panic(http.ErrAbortHandler) // so that no client takes it for whole
}

func unsentError(r *http.Request, err error) *Error {
	deadline, bounded := r.Context().Deadline()
	switch {
	case bounded && !time.Now().Before(deadline): // the context may learn of it after the write has
		return asError(context.DeadlineExceeded)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return clientGone("the client took no byte of the answer for too long", err)
	}
	return clientGone("the client left", err)
}
