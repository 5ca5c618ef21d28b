package pipeline

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"quicedge/internal/pipeline/wire"
)

// run gives one job to a worker and returns when it is done or lost. The pipeline and the models are those that are in force when it
// comes, whatever changes meanwhile.
func (p *Pool) run(ctx context.Context, job wire.Job, in io.Reader, out io.Writer, onProgress func(Progress)) (Stats, error) {
	job, needed, err := p.Library().order(job)
	if err != nil {
		return Stats{}, err
	}
	if err := p.enter(); err != nil {
		return Stats{}, err
	}
	defer p.jobs.Done()
	c, err := p.acquire(ctx)
	if err != nil {
		return Stats{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.JobTimeout,
		fmt.Errorf("%w: not done after %s; send a shorter video", ErrTimeout, p.cfg.JobTimeout))
	defer cancel()
	if err := p.teach(ctx, c, needed, false); err != nil {
		c.kill()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return Stats{}, err
	}
	x := &exchange{child: c, in: in, out: out, onProgress: onProgress, limit: p.cfg.MaxInput, stall: p.cfg.StallTimeout}
	done, err := x.run(ctx, job)
	if x.reusable {
		p.offer(c)
	} else {
		c.kill()
	}
	return x.stats(done), err
}

// exchange is one job's traffic with its worker: the body goes down from a goroutine of its own, everything that comes
// up is handled by the caller's.
type exchange struct {
	child      *child
	in         io.Reader
	out        io.Writer
	onProgress func(Progress)
	limit      int64
	stall      time.Duration
	watchdog   *time.Timer

	verdicts []Verdict
	judged   int64
	last     Verdict

	answered bool // the worker has said Done or Fail
	reusable bool // the worker waits for the next job

	sendMu sync.Mutex
	over   bool // no more of the body may be sent
	ended  bool // the worker has been told so

	causeMu sync.Mutex
	cause   error // why this side ended the job
}

func (x *exchange) run(ctx context.Context, job wire.Job) (wire.Done, error) {
	x.child.served.Store(true)
	x.child.stderr.forget()
	stop := context.AfterFunc(ctx, func() { x.fail(context.Cause(ctx)) })
	defer stop()
	x.watchdog = time.AfterFunc(x.stall, func() {
		x.fail(fmt.Errorf("%w: nothing moved for %s; send and receive without such a pause", ErrTimeout, x.stall))
	})
	defer x.watchdog.Stop()
	if err := x.child.out.SendJSON(wire.TypeJob, job); err != nil {
		return wire.Done{}, x.lost()
	}
	go x.feed()
	done, err := x.receive()
	x.finish()
	// A timer that fired in this very moment is about to kill the worker: then it must not get another job.
	calm := stop() && x.watchdog.Stop()
	x.reusable = x.answered && x.ended && calm
	return done, err
}

// fail records why the job is lost, the first cause counts, and ends the worker. It takes no lock that a blocked send
// may hold: the end of the worker is what frees that.
func (x *exchange) fail(cause error) {
	x.causeMu.Lock()
	if x.cause == nil {
		x.cause = cause
	}
	x.causeMu.Unlock()
	x.child.kill()
}

// lost returns why the worker is gone: this side's cause, or how the process ended.
func (x *exchange) lost() error {
	select {
	case <-x.child.exited:
	case <-time.After(time.Second): // it closed its socket and lives on
		x.child.kill()
	}
	state := x.child.state()
	x.causeMu.Lock()
	defer x.causeMu.Unlock()
	if x.cause != nil {
		return x.cause
	}
	if words := x.child.stderr.words(); words != "" {
		state += ", " + words
	}
	return fmt.Errorf("%w (%s); send the video again", ErrWorkerDied, state)
}

// receive handles what the worker sends until it has answered.
func (x *exchange) receive() (wire.Done, error) {
	for {
		f, err := x.child.in.Next()
		if err != nil {
			return wire.Done{}, x.lost()
		}
		x.watchdog.Reset(x.stall)
		switch f.Type {
		case wire.TypeData:
			_, err = x.out.Write(f.Payload)
			if err != nil {
				err = fmt.Errorf("write video: %w", err)
			}
		case wire.TypeProgress:
			err = x.progress(f)
		case wire.TypeVerdict:
			err = x.verdict(f)
		case wire.TypeDone:
			var done wire.Done
			if err = f.Decode(&done); err == nil {
				x.answered = true
				return done, nil
			}
		case wire.TypeFail:
			return wire.Done{}, x.failed(f)
		default:
			err = fmt.Errorf("%w: %s from a worker", wire.ErrFrame, f.Type)
		}
		if err != nil {
			x.fail(err)
			return wire.Done{}, x.lost()
		}
	}
}

func (x *exchange) progress(f wire.Frame) error {
	var p wire.Progress
	if err := f.Decode(&p); err != nil {
		return err
	}
	if x.onProgress != nil {
		x.onProgress(Progress(p))
	}
	return nil
}

func (x *exchange) failed(f wire.Frame) error {
	var fail wire.Fail
	if err := f.Decode(&fail); err != nil {
		return err
	}
	x.answered = true
	switch fail.Cause {
	case wire.CauseMedia:
		return &MediaError{Stage: fail.Stage, Reason: fail.Reason}
	case wire.CauseModerated:
		return x.moderated(fail)
	}
	return fmt.Errorf("%s: %s", fail.Stage, fail.Reason)
}
