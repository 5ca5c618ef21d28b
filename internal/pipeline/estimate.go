package pipeline

import (
	"slices"
	"time"
)

// The bounds of what a client that is refused is told to wait, and what a job takes as long as none has ended.
const (
	retryMin   = time.Second
	retryMax   = 2 * time.Minute
	usualStart = 5 * time.Second
)

// pace is how far a running job is.
type pace struct {
	began    time.Time
	position time.Duration // in the video
	duration time.Duration // of the video; 0: it does not say
}

// left estimates what a job still takes: at the speed it has had, or what jobs usually take.
func (j pace) left(now time.Time, usual time.Duration) time.Duration {
	spent := now.Sub(j.began)
	if j.position <= 0 || j.duration <= 0 {
		return max(usual-spent, 0)
	}
	rest := float64(j.duration-j.position) / float64(j.position)
	return max(time.Duration(float64(spent)*rest), 0)
}

// wait estimates when one more job could begin: each running job makes room for one that waits, and the last of these for
// the new one.
func wait(left []time.Duration, waiting int, usual time.Duration) time.Duration {
	if len(left) == 0 {
		return retryMin
	}
	slices.Sort(left)
	rounds, place := waiting/len(left), waiting%len(left)
	total := left[place] + time.Duration(rounds)*usual
	return min(max(total.Round(time.Second), retryMin), retryMax)
}

// retryAfter is what a refused client is told. It is called with the pool locked.
func (p *Pool) retryAfter() time.Duration {
	usual := p.usual
	if usual == 0 {
		usual = usualStart
	}
	now := time.Now()
	var left []time.Duration
	for x := range p.running {
		left = append(left, x.pace.left(now, usual))
	}
	return wait(left, len(p.waiting), usual)
}

// begin and end keep account of what runs. A job's time counts an eighth of the usual one, as in RFC 6298.
func (p *Pool) begin(x *exchange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.pace = pace{began: time.Now()}
	p.running[x] = struct{}{}
}

func (p *Pool) end(x *exchange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, x)
	took := time.Since(x.pace.began)
	if p.usual == 0 {
		p.usual = took
	}
	p.usual += (took - p.usual) / 8
}

// moved notes how far a job is.
func (p *Pool) moved(x *exchange, at Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.pace.position, x.pace.duration = at.Position, at.Duration
}
