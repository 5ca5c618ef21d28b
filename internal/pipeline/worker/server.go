package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/wire"
)

// server answers jobs, one after the other.
type server struct {
	in     *wire.Reader
	out    *wire.Writer
	spool  *os.File // for a body that is read backwards
	made   *os.File // for a video whose index is written last and sent first
	models map[string]*infer.Session
}

func newServer(socket io.ReadWriter, spool, made *os.File, models map[string]*infer.Session) *server {
	return &server{in: wire.NewReader(socket), out: wire.NewWriter(socket), spool: spool, made: made, models: models}
}

// serve returns nil when the node closes the socket.
func (s *server) serve() error {
	hello := wire.Hello{Protocol: wire.Version, Version: buildVersion(), PID: os.Getpid(), Pipelines: pipeline.Names()}
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
		var job wire.Job
		if f.Type != wire.TypeJob {
			return fmt.Errorf("read job: %w: %s before a job", wire.ErrFrame, f.Type)
		}
		if err := f.Decode(&job); err != nil {
			return err
		}
		if err := s.answer(job); err != nil {
			return err
		}
	}
}

// answer runs one job and tells the node how it went. The error is that of the socket: the worker's own end.
func (s *server) answer(job wire.Job) error {
	b := &body{frames: s.in}
	t := newTimes()
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
	return s.trim()
}

func (s *server) run(job wire.Job, b *body, t *times, fail func(error) error) (wire.Done, error) {
	switch job.Kind {
	case wire.KindStream:
		return s.stream(job, b, t, fail)
	case wire.KindSynthetic:
		return s.synthetic(job, t)
	}
	return wire.Done{}, fmt.Errorf("run job: kind %q is not known to this worker", job.Kind)
}

// failure is err as the node is told of it.
func failure(err error) wire.Fail {
	var unsupported *av.Unsupported
	if errors.As(err, &unsupported) {
		return wire.Fail{Cause: wire.CauseMedia, Stage: unsupported.Stage, Reason: unsupported.Reason}
	}
	return wire.Fail{Cause: wire.CauseInternal, Stage: "worker", Reason: err.Error()}
}
