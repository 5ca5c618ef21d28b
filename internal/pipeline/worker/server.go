package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/wire"
)

// server answers jobs, one after the other.
type server struct {
	in     *wire.Reader
	out    *wire.Writer
	spool  *os.File // for a body that is read backwards
	made   *os.File // for a video whose index is written last and sent first
	models loaded
	fences []wire.Fence
}

func newServer(socket io.ReadWriter, spool, made *os.File) *server {
	return &server{in: wire.NewReader(socket), out: wire.NewWriter(socket), spool: spool, made: made, models: loaded{}}
}

// serve takes models and jobs. It returns nil when the node closes the socket. runtime is the version of ONNX Runtime.
func (s *server) serve(runtime string) error {
	hello := wire.Hello{Protocol: wire.Version, Version: buildVersion(), PID: os.Getpid(), Runtime: runtime, Fences: s.fences}
	if err := s.out.SendJSON(wire.TypeHello, hello); err != nil {
		return err
	}
	for {
		f, err := s.in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read job: %w", err)
		}
		if err := s.take(f); err != nil {
			return err
		}
	}
}

// take handles what the node sends between jobs. The error is that of the socket.
func (s *server) take(f wire.Frame) error {
	switch f.Type {
	case wire.TypeJob:
		var job wire.Job
		if err := f.Decode(&job); err != nil {
			return err
		}
		return s.answer(job)
	case wire.TypeModel:
		var order wire.Model
		if err := f.Decode(&order); err != nil {
			return err
		}
		return s.learn(order)
	}
	return fmt.Errorf("read job: %w: %s before a job", wire.ErrFrame, f.Type)
}

// answer runs one job and tells the node how it went. The error is that of the socket: the worker's own end.
func (s *server) answer(job wire.Job) error {
	b := &body{frames: s.in}
	t := newTimes()
	if err := s.out.SendJSON(wire.TypeProgress, wire.Progress{}); err != nil { // the node sends the body now
		return err
	}
	told := false
	// fail tells the node at once, also where a stage still waits for the body: that ends when the node has been told.
	fail := func(err error) error {
		if told {
			return nil
		}
		told = true
		return s.out.SendJSON(wire.TypeFail, failure(err))
	}
	done, err := s.run(job, b, t, fail)
	if b.broken != nil {
		return fmt.Errorf("read body: %w", b.broken)
	}
	if err != nil {
		err = fail(err)
	} else {
		done.Elapsed, done.Stages, done.InBytes = time.Since(t.start), t.sum(), b.taken.Load()
		done.Allocations = allocations() - t.allocated
		err = s.out.SendJSON(wire.TypeDone, done)
	}
	if err != nil {
		return err
	}
	if err := b.discard(); err != nil {
		return err
	}
	return s.models.trim()
}

func (s *server) run(job wire.Job, b *body, t *times, fail func(error) error) (wire.Done, error) {
	switch job.Kind {
	case wire.KindStream:
		return s.stream(job, b, t, fail)
	case wire.KindSynthetic:
		return s.synthetic(job, t)
	case wire.KindPattern:
		return pattern(job, s.out, t)
	case wire.KindPicture:
		return s.picture(job, b, t)
	}
	return wire.Done{}, fmt.Errorf("run job: kind %q is not known to this worker", job.Kind)
}

// failure is err as the node is told of it.
func failure(err error) wire.Fail {
	var unsupported *av.Unsupported
	if errors.As(err, &unsupported) {
		return wire.Fail{Cause: wire.CauseMedia, Stage: unsupported.Stage, Reason: unsupported.Reason}
	}
	var stopped *moderated
	if errors.As(err, &stopped) {
		return wire.Fail{Cause: wire.CauseModerated, Stage: "filter", Reason: stopped.Error()}
	}
	var model modelError
	if errors.As(err, &model) {
		return wire.Fail{Cause: wire.CauseModel, Stage: "model", Reason: model.Error()}
	}
	if errors.Is(err, syscall.ENOSPC) {
		return wire.Fail{Cause: wire.CauseRoom, Stage: "worker", Reason: err.Error()}
	}
	return wire.Fail{Cause: wire.CauseInternal, Stage: "worker", Reason: err.Error()}
}
