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

// filter computes the luma of a picture anew; infer.Session is one. Trim is called between jobs.
type filter interface {
	Run(in infer.Planes, luma []byte) error
	Trim() error
}

// server answers jobs, one after the other.
type server struct {
	in      *wire.Reader
	out     *wire.Writer
	spool   *os.File
	filters map[string]filter // by model
}

func newServer(socket io.ReadWriter, spool *os.File, filters map[string]filter) *server {
	return &server{in: wire.NewReader(socket), out: wire.NewWriter(socket), spool: spool, filters: filters}
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
	done, err := s.run(job, b, t)
	if b.broken != nil {
		return fmt.Errorf("read body: %w", b.broken)
	}
	if err != nil {
		if err := s.out.SendJSON(wire.TypeFail, failure(err)); err != nil {
			return err
		}
	} else {
		done.Elapsed, done.Stages, done.InBytes = time.Since(t.start), t.stages, b.taken
		if err := s.out.SendJSON(wire.TypeDone, done); err != nil {
			return err
		}
	}
	if err := b.discard(); err != nil {
		return err
	}
	return s.trim()
}

// trim gives memory back before the worker waits, which may be for long.
func (s *server) trim() error {
	for _, f := range s.filters {
		if err := f.Trim(); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) run(job wire.Job, b *body, t *times) (wire.Done, error) {
	p, err := pipeline.Lookup(job.Pipeline)
	if err != nil {
		return wire.Done{}, err
	}
	f, ok := s.filters[p.Model]
	if !ok {
		return wire.Done{}, fmt.Errorf("load model %s: it is not in this worker; build both programs together", p.Model)
	}
	switch job.Kind {
	case wire.KindStream:
		return s.stream(job, f, b, t)
	case wire.KindSynthetic:
		return synthetic(job, f, t)
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

// times adds up what the stages of a job take.
type times struct {
	start  time.Time
	stages map[string]time.Duration
}

func newTimes() *times {
	return &times{start: time.Now(), stages: map[string]time.Duration{}}
}

// add counts the time since begin for a stage and returns now, where the next stage begins.
func (t *times) add(stage string, begin time.Time) time.Time {
	now := time.Now()
	t.stages[stage] += now.Sub(begin)
	return now
}
