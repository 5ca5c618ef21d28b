package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// offer makes a child idle, and gives it to the job that has waited longest.
func (p *Pool) offer(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.alive() {
		p.idle = append(p.idle, c)
	}
	p.dispatch()
}

// dispatch gives idle children to the jobs that have waited longest, as many as may run at once. It is called with the
// pool locked.
func (p *Pool) dispatch() {
	for len(p.waiting) > 0 {
		c := p.take()
		if c == nil {
			return
		}
		p.waiting[0] <- c // capacity 1, one value each
		p.waiting = p.waiting[1:]
	}
}

// take counts a job as running and returns a child for it, or nil. It is called with the pool locked.
func (p *Pool) take() *child {
	for p.busy < p.cfg.Workers && len(p.idle) > 0 {
		n := len(p.idle)
		c := p.idle[n-1] // the one used last: its caches are warm
		p.idle = p.idle[:n-1]
		if c.alive() {
			p.busy++
			return c
		}
	}
	return nil
}

// release ends what take began. A child that cannot take another job is ended.
func (p *Pool) release(c *child, reusable bool) {
	if !reusable {
		c.end(endedUnclean)
		c.kill()
	}
	p.mu.Lock()
	p.busy--
	if reusable && c.alive() {
		p.idle = append(p.idle, c)
	}
	p.dispatch()
	p.mu.Unlock()
}

// acquire returns a child, waiting in line for one if it must. The caller releases it.
func (p *Pool) acquire(ctx context.Context) (*child, error) {
	c, turn, err := p.takeOrQueue()
	if turn == nil {
		return c, err
	}
	return p.await(ctx, turn)
}

func (p *Pool) takeOrQueue() (*child, chan *child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	if len(p.waiting) == 0 {
		if c := p.take(); c != nil {
			return c, nil, nil
		}
	}
	if len(p.waiting) >= p.cfg.Queue {
		return nil, nil, &BusyError{Waiting: len(p.waiting), RetryAfter: p.retryAfter()}
	}
	turn := make(chan *child, 1)
	p.waiting = append(p.waiting, turn)
	return nil, turn, nil
}

func (p *Pool) await(ctx context.Context, turn chan *child) (*child, error) {
	timeout := time.NewTimer(p.cfg.QueueTimeout)
	defer timeout.Stop()
	var err error
	select {
	case c, ok := <-turn:
		if !ok {
			return nil, ErrClosed
		}
		return c, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout.C:
		err = fmt.Errorf("wait in the queue for %s: %w", p.cfg.QueueTimeout, p.busyNow())
	}
	p.mu.Lock()
	p.waiting = slices.DeleteFunc(p.waiting, func(w chan *child) bool { return w == turn })
	p.mu.Unlock()
	select { // a worker may have come in the same moment
	case c, ok := <-turn:
		if ok {
			p.release(c, true)
		}
	default:
	}
	return nil, err
}

func (p *Pool) busyNow() *BusyError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &BusyError{Waiting: len(p.waiting), RetryAfter: p.retryAfter()}
}
