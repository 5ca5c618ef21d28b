package edge

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// stream takes a video and answers with the processed one while it is still coming in.
func (e *Edge) stream(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	// Before any answer: HTTP/1.1 would otherwise wait for the rest of the body before it sends one, even a refusal. HTTP/2 and
	// HTTP/3 are full duplex by nature and do not know the call.
	_ = http.NewResponseController(w).EnableFullDuplex()
	if e.cfg.Draining() {
		refuse(w, r, draining(nil))
		return
	}
	ctx, cancel, err := withDeadline(r, began)
	if err != nil {
		refuse(w, r, asError(err))
		return
	}
	defer cancel()
	id := r.PathValue("id")
	req, err := e.acceptable(r, id)
	if err != nil {
		refuse(w, r, asError(err))
		return
	}
	state := e.streams.begin(id, req.Pipeline, began)
	if state == nil {
		refuse(w, r, &Error{
			Status: http.StatusConflict, Code: "stream_running", Field: "id",
			Message: "stream " + shown(id) + " is running: wait for its end or use another id",
		})
		return
	}
	defer e.streams.end(state) // also where the handler aborts the response
	req.Progress = state.progress
	e.runStream(ctx, w, r, req, state)
}

func (e *Edge) runStream(ctx context.Context, w http.ResponseWriter, r *http.Request, req StreamRequest, state *streamState) {
	in := newUpload(w, r, e.cfg.MaxBody, e.cfg.Stall)
	out := newDownload(w, r, e.cfg.Stall, mediaType(req.Format))
	release := context.AfterFunc(ctx, func() { in.cut(ctx.Err()) })
	stats, err := e.runPipeline(ctx, r, req, in, out)
	release()
	_ = in.Close()
	if failure := e.streamFailure(in, out, err); failure != nil {
		state.fail(stats, failure)
		out.fail(failure)
		return
	}
	state.succeed(stats)
	out.succeed(stats, time.Since(state.began))
}

func (e *Edge) runPipeline(ctx context.Context, r *http.Request, req StreamRequest, in *upload, out *download) (StreamStats, error) {
	if after, _ := answerTime(r); !after { // acceptable has seen its error
		return e.cfg.Processor.Process(ctx, req, in, out)
	}
	late := &held{out: out, limit: e.cfg.MaxBody}
	stats, err := e.cfg.Processor.Process(ctx, req, in, late)
	if err != nil {
		return stats, errors.Join(err, late.close())
	}
	return stats, late.release()
}

// acceptable checks what can be checked before the first byte of video, and returns what is asked for.
func (e *Edge) acceptable(r *http.Request, id string) (StreamRequest, error) {
	if !validID(id) {
		return StreamRequest{}, invalidID(id)
	}
	if _, err := answerTime(r); err != nil {
		return StreamRequest{}, err
	}
	if err := e.knownPipeline(r.URL.Query().Get("pipeline")); err != nil {
		return StreamRequest{}, err
	}
	if err := e.readable(r); err != nil {
		return StreamRequest{}, err
	}
	return e.wanted(r)
}

// readable says whether the body can be taken.
func (e *Edge) readable(r *http.Request) error {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return &Error{
			Status: http.StatusUnsupportedMediaType, Code: "unsupported_encoding", Field: "Content-Encoding",
			Message: "Content-Encoding " + shown(enc) + ": send the video as it is",
		}
	}
	if r.ContentLength > e.cfg.MaxBody {
		return tooLarge(e.cfg.MaxBody)
	}
	return nil
}

func invalidID(id string) *Error {
	return InvalidField("id", id, "use 1 to 128 of A-Z a-z 0-9 . _ -")
}

func (e *Edge) knownPipeline(name string) error {
	if e.cfg.Processor == nil {
		return noProcessor()
	}
	known := names(e.cfg.Processor.Pipelines())
	switch {
	case name == "":
		return &Error{
			Status: http.StatusBadRequest, Code: "missing_pipeline", Field: "pipeline",
			Message: "no pipeline is named: use one of " + strings.Join(known, ", "),
		}
	case !slices.Contains(known, name):
		return &Error{
			Status: http.StatusBadRequest, Code: "unknown_pipeline", Field: "pipeline",
			Message: "unknown pipeline " + shown(name) + ": use one of " + strings.Join(known, ", "),
		}
	}
	return nil
}

// streamFailure finds why a stream failed. What the connection said counts before what the processor made of it: a video that
// was cut off is the client's doing, whatever the decoder says of it; but a node that drains cuts its connections itself.
func (e *Edge) streamFailure(in *upload, out *download, err error) *Error {
	failure := streamFailure(in, out, err)
	if failure != nil && e.cfg.Draining() && cutOff(failure) {
		return draining(failure.Err)
	}
	return failure
}

func streamFailure(in *upload, out *download, err error) *Error {
	sent, taken := in.failure(), out.failure()
	switch {
	case errors.Is(taken, os.ErrDeadlineExceeded):
		return clientGone("the client took no byte of the answer for too long", taken)
	case taken != nil:
		return clientGone("the client left", taken)
	case sent != nil:
		return uploadError(sent)
	case err != nil:
		return asError(err)
	}
	return nil
}
