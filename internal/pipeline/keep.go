package pipeline

import (
	"time"
)

// A worker that dies is replaced at once. One that dies as soon as it is started, or cannot be started at all, is tried
// again after a pause that doubles from backoffMin to backoffMax: five seconds of a missing library are quickly mended,
// and cost one exec each.
const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 5 * time.Second
	// youth is the age under which a death counts as a failed start, unless the worker had finished a job.
	youth = time.Second
)

// keep holds one place in the pool filled until the pool ends. c may be nil.
func (p *Pool) keep(c *child) {
	var pause time.Duration
	for {
		if c == nil {
			c = p.tryStart()
		}
		healthy := c != nil && p.watch(c)
		c = nil
		if healthy {
			pause = 0
		} else {
			pause = min(max(2*pause, backoffMin), backoffMax)
		}
		select {
		case <-time.After(pause):
		case <-p.life.Done():
		}
		if p.life.Err() != nil {
			return
		}
	}
}

func (p *Pool) tryStart() *child {
	began := time.Now()
	c, err := p.start(p.life)
	if err == nil {
		p.metrics.started(time.Since(began))
		p.join(c)
		return c
	}
	if p.life.Err() != nil {
		return nil
	}
	p.metrics.restarted(endedStart)
	p.cfg.Log.Error("video worker does not start", "error", err)
	p.mu.Lock()
	p.startErr = err
	p.mu.Unlock()
	return nil
}

// watch waits until c is gone, or ends it when the pool does. It reports whether c may be replaced without a pause.
func (p *Pool) watch(c *child) bool {
	select {
	case <-c.exited:
	case <-p.life.Done():
		c.kill()
		<-c.exited
	}
	p.leave(c)
	_ = c.conn.Close()
	if p.life.Err() == nil {
		p.metrics.restarted(c.reason())
		p.cfg.Log.Warn("video worker ended, starting another", "pid", c.pid(), "reason", c.reason(), "state", c.state())
	}
	return time.Since(c.started) > youth || c.served.Load()
}
