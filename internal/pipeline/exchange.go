package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"quicedge/internal/pipeline/wire"
	"quicedge/models"
)

// takeGrace is how long a worker may take to say that it has a job: microseconds; seconds on a node in trouble.
const takeGrace = 5 * time.Second

// takeTries is how many workers a job may find dead or stuck. Each is gone before the next is asked.
const takeTries = 10

// run gives one job to a worker and returns when it is done or lost. The pipeline and the models are those that are in force when it
// comes, whatever changes meanwhile. A worker that is dead or stuck before it takes the job costs nobody anything: the next one
// gets it.
func (p *Pool) run(ctx context.Context, job wire.Job, in io.Reader, out io.Writer, onProgress func(Progress)) (Stats, error) {
	done, x, err := p.give(ctx, job, in, out, onProgress)
	if x == nil {
		return Stats{}, err
	}
	return x.stats(done), err
}

// give is run, and returns the exchange itself; nil where there was none.
func (p *Pool) give(ctx context.Context, job wire.Job, in io.Reader, out io.Writer, onProgress func(Progress)) (wire.Done, *exchange, error) {
	job, needed, err := p.Library().order(job)
	if err != nil {
		return wire.Done{}, nil, err
	}
	if err := p.enter(); err != nil {
		return wire.Done{}, nil, err
	}
	defer p.jobs.Done()
	began := time.Now()
	var done wire.Done
	var x *exchange
	err = errNotTaken
	for tries := 0; errors.Is(err, errNotTaken) && tries < takeTries; tries++ {
		done, x, err = p.runOnce(ctx, job, needed, in, out, onProgress)
	}
	if errors.Is(err, errNotTaken) {
		err = fmt.Errorf("%w: %w", ErrWorkerDied, err)
	}
	p.metrics.ended(job.Pipeline, err, time.Since(began))
	return done, x, err
}

func (p *Pool) runOnce(ctx context.Context, job wire.Job, needed []models.Model, in io.Reader, out io.Writer, onProgress func(Progress)) (wire.Done, *exchange, error) {
	queued := time.Now()
	c, err := p.acquire(ctx)
	if err != nil {
		return wire.Done{}, nil, err
	}
	p.metrics.waited(time.Since(queued))
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.JobTimeout,
		fmt.Errorf("%w: not done after %s; send a shorter video", ErrTimeout, p.cfg.JobTimeout))
	defer cancel()
	x := &exchange{pool: p, child: c, pipeline: job.Pipeline, in: in, out: out, onProgress: onProgress}
	defer func() { p.release(c, x.reusable) }()
	if err := p.teach(ctx, c, needed, false); err != nil {
		return wire.Done{}, nil, x.untaught(ctx, err)
	}
	p.begin(x)
	defer p.end(x)
	done, err := x.run(ctx, job)
	return done, x, err
}

// exchange is one job's traffic with its worker: the body goes down from a goroutine of its own, everything that comes
// up is handled by the caller's.
type exchange struct {
	pool       *Pool
	child      *child
	pipeline   string
	in         io.Reader
	out        io.Writer
	onProgress func(Progress)
	watchdog   *time.Timer
	pace       pace // guarded by the pool
	counted    Progress

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
	if err := x.hand(job); err != nil {
		return wire.Done{}, err
	}
	stall := x.pool.cfg.StallTimeout
	x.watchdog = time.AfterFunc(stall, func() {
		x.fail(fmt.Errorf("%w: nothing moved for %s; send and receive without such a pause", errStalled, stall))
	})
	defer x.watchdog.Stop()
	go x.feed()
	done, err := x.receive()
	x.finish()
	// A timer that fired in this very moment is about to kill the worker: then it must not get another job.
	calm := stop() && x.watchdog.Stop()
	x.reusable = x.answered && x.ended && calm
	return done, err
}

// untaught is why a worker has not learned the models of the job, as err says. One that has died did not take the job; a model
// that it refuses would be refused by the next one too.
func (x *exchange) untaught(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		x.child.end(reasonOf(cause))
		return cause
	}
	if !x.child.alive() {
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	return err
}

// hand gives the job to the worker and waits until it has taken it. Nothing of the body is sent before.
func (x *exchange) hand(job wire.Job) error {
	err := x.child.limitCPU(x.pool.cfg.CPUTime)
	if err == nil {
		err = x.child.conn.SetDeadline(time.Now().Add(takeGrace))
	}
	if err == nil {
		err = x.child.out.SendJSON(wire.TypeJob, job)
	}
	var first wire.Frame
	if err == nil {
		first, err = x.child.in.Next()
	}
	if err == nil && first.Type != wire.TypeProgress {
		err = fmt.Errorf("%w: %s in place of the first progress", wire.ErrFrame, first.Type)
	}
	if err == nil {
		err = x.child.conn.SetDeadline(time.Time{})
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) { // it is dead, or about to be
		x.child.awaitExit()
	}
	x.fail(fmt.Errorf("%w: %w", errNotTaken, err))
	return x.lost()
}

// fail records why the job is lost, the first cause counts, and ends the worker. It takes no lock that a blocked send
// may hold: the end of the worker is what frees that.
func (x *exchange) fail(cause error) {
	x.causeMu.Lock()
	if x.cause == nil {
		x.cause = cause
		x.child.end(reasonOf(cause))
	}
	x.causeMu.Unlock()
	x.child.kill()
}

// lost returns why the worker is gone: this side's cause, or how the process ended.
func (x *exchange) lost() error {
	if !x.child.awaitExit() { // it closed its socket and lives on
		x.child.kill()
	}
	state := x.child.state()
	x.causeMu.Lock()
	defer x.causeMu.Unlock()
	switch {
	case x.cause != nil:
		return x.cause
	case x.child.exitCode() == wire.ExitCPUTime:
		return fmt.Errorf("%w: it took more than %s of CPU time; send a shorter or smaller video", ErrTimeout, x.pool.cfg.CPUTime)
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
		x.watchdog.Reset(x.pool.cfg.StallTimeout)
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
				x.count(done)
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
	at := Progress(p)
	x.pool.moved(x, at)
	x.pool.metrics.moved(x.pipeline, x.counted, at)
	x.counted = at
	if x.onProgress != nil {
		x.onProgress(at)
	}
	return nil
}

// count adds what the last progress did not say.
func (x *exchange) count(d wire.Done) {
	x.pool.metrics.moved(x.pipeline, x.counted, Progress{Frames: d.Frames, InBytes: d.InBytes, OutBytes: d.OutBytes})
	x.pool.metrics.done(x.pipeline, d)
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
	case wire.CauseRoom:
		return fmt.Errorf("%w: %s: %s", ErrNoRoom, fail.Stage, fail.Reason)
	}
	return fmt.Errorf("%s: %s", fail.Stage, fail.Reason)
}
