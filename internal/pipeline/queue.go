package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// offer gives c to the job that has waited longest, or makes it idle.
func (p *Pool) offer(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.alive() {
		return
	}
	if len(p.waiting) > 0 {
		p.waiting[0] <- c // capacity 1, one value each
		p.waiting = p.waiting[1:]
		return
	}
	p.idle = append(p.idle, c)
}

// acquire returns a live child, waiting in line for one if it must.
func (p *Pool) acquire(ctx context.Context) (*child, error) {
	deadline := time.NewTimer(p.cfg.QueueTimeout)
	defer deadline.Stop()
	for {
		c, turn, err := p.takeOrQueue()
		if err != nil {
			return nil, err
		}
		if turn != nil {
			if c, err = p.await(ctx, turn, deadline.C); err != nil {
				return nil, err
			}
		}
		if c.alive() {
			return c, nil
		}
	}
}

func (p *Pool) takeOrQueue() (*child, chan *child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1] // the one used last: its caches are warm
		p.idle = p.idle[:n-1]
		return c, nil, nil
	}
	if len(p.waiting) >= p.cfg.Queue {
		return nil, nil, fmt.Errorf("%w and %d jobs wait; try again later or raise the number of workers", ErrBusy, len(p.waiting))
	}
	turn := make(chan *child, 1)
	p.waiting = append(p.waiting, turn)
	return nil, turn, nil
}

func (p *Pool) await(ctx context.Context, turn chan *child, timeout <-chan time.Time) (*child, error) {
	var err error
	select {
	case c, ok := <-turn:
		if !ok {
			return nil, ErrClosed
		}
		return c, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout:
		err = fmt.Errorf("%w for %s; try again later or raise the number of workers", ErrBusy, p.cfg.QueueTimeout)
	}
	p.mu.Lock()
	p.waiting = slices.DeleteFunc(p.waiting, func(w chan *child) bool { return w == turn })
	p.mu.Unlock()
	select { // a worker may have come in the same moment
	case c, ok := <-turn:
		if ok {
			p.offer(c)
		}
	default:
	}
	return nil, err
}
