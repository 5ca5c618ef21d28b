package mtu

import (
	"slices"
	"time"
)

// staysLow is the part of Share that keeps a lowered class low. It is half of what lowers one: a class whose narrow part lies between
// the two stays as it is.
const staysLow = 0.5

// evaluate brings what is learned up to date: fast downwards, slowly upwards.
func (p *paths) evaluate(cfg LearnConfig, table uint16, now time.Time) {
	now = now.Round(0)
	p.table, p.dirty, p.asked = table, false, now
	before := [...]any{p.mtu, p.proven, p.probing.IsZero()}
	p.expire(cfg, now)
	p.alarm(cfg, now)
	p.conclude(cfg, now)
	all := count(p.nets, p.span(cfg, now))
	enough := all.networks() >= cfg.MinNetworks && all.samples >= cfg.MinSamples
	if enough {
		p.lower(cfg, all, now)
	}
	p.prove(cfg, all, enough, now)
	if p.mtu > 0 && p.probing.IsZero() && !now.Before(p.raiseAt) {
		p.probing = now
	}
	since := p.learned.Since
	if before != [...]any{p.mtu, p.proven, p.probing.IsZero()} {
		since = now
	}
	p.learned = Learned{MTU: p.inForce(), Proven: p.proven, Probing: !p.probing.IsZero(), Networks: all.networks(), Samples: all.samples, Since: since}
	if p.learned.MTU > 0 {
		p.learned.RaiseAt = p.raiseAt
	}
	p.plan(cfg, now)
}

// expire drops networks not heard of for a window, and doubts that have not come back.
func (p *paths) expire(cfg LearnConfig, now time.Time) {
	w := span{now.Add(-cfg.Window), now.Add(cfg.Window)}
	p.nets = slices.DeleteFunc(p.nets, func(n network) bool { return !w.has(n.newest) })
	if len(p.nets) == 0 && !p.probing.IsZero() && now.Sub(p.probing) > cfg.Window {
		p.mtu, p.probing = 0, time.Time{} // tried again, and nobody came: unknown
	}
	if p.mtu == 0 && now.Sub(p.trouble) > cfg.calm() {
		p.doubts, p.alarms = 0, 0
	}
}

// lower lowers the class to what a share of its networks pass no more than. Within Precision the table and the path agree, and so do
// two measurements of a path while it is tried again.
func (p *paths) lower(cfg LearnConfig, all ballot, now time.Time) {
	from, slack := p.mtu, uint16(0)
	if p.mtu == 0 {
		from = p.table
	}
	if p.mtu == 0 || !p.probing.IsZero() {
		slack = Precision
	}
	to := all.narrow(cfg.least(all.networks(), cfg.Share))
	if to == unbounded || to+slack >= from {
		return
	}
	far := to+Precision < from
	if far && !p.raised.IsZero() && now.Sub(p.raised) < cfg.calm() {
		p.doubt(now)
	}
	if far {
		p.raiseAt, p.probing = now.Add(cfg.wait(p.doubts)), time.Time{}
		p.measureShare(cfg, all.atMost(to+Precision), all.networks())
	}
	p.mtu = to
}

// prove sets the size at which connections may begin: one that MinNetworks networks have shown to pass, and that too few to count
// have shown not to.
func (p *paths) prove(cfg LearnConfig, all ballot, enough bool, now time.Time) {
	size := min(p.table, all.passed(cfg.MinNetworks), all.narrow(cfg.least(all.networks(), cfg.Share)))
	if p.mtu > 0 {
		size = min(size, p.mtu)
	}
	switch {
	case !enough, size < Min, p.refused > 0 && size >= p.refused && now.Before(p.until):
		p.proven = 0
	case p.proven == 0, size < p.proven, size > p.proven+Precision:
		p.proven = size
	}
}

// conclude ends the trial of a lowered class when enough networks have searched above its MTU.
func (p *paths) conclude(cfg LearnConfig, now time.Time) {
	if p.probing.IsZero() {
		return
	}
	fresh := count(p.nets, p.fresh(cfg, now))
	low, high := fresh.atMost(p.mtu), fresh.above(p.mtu)
	k := cfg.least(low+high, cfg.Share*staysLow)
	healed := p.doubts == 0 && p.turned(cfg, now) >= cfg.MinNetworks
	switch {
	case low+high < p.quorum(cfg, now) && !healed:
	case low >= k:
		p.doubt(now)
		p.raiseAt, p.probing = now.Add(cfg.wait(p.doubts)), time.Time{}
		p.measureShare(cfg, low, low+high)
	case high >= cfg.MinNetworks:
		p.raise(cfg, min(fresh.passed(cfg.MinNetworks), fresh.narrow(k)), fresh.narrow(k) < unbounded, now)
	}
}

// raise lets the class up to a size. Where its paths end there, it stays lowered.
func (p *paths) raise(cfg LearnConfig, to uint16, ends bool, now time.Time) {
	if to <= p.mtu+Precision && ends {
		p.doubt(now) // the same path, measured anew
	} else {
		p.raised = now
	}
	p.void, p.probing, p.mtu = p.probing, time.Time{}, to
	if !ends || to+Precision >= p.table {
		p.mtu = 0
	}
	p.raiseAt = now.Add(cfg.wait(p.doubts))
}

// quorum returns how many networks must have searched anew: so many that six narrow ones are expected among them if the part of
// narrow ones is still what it was when the class was lowered, and twice as many for each doubt. (Of a Poisson distribution with mean
// 6 fewer than 3 come in 6 of 100 trials, with mean 12 in 5 of 10,000.) No more can be asked than there are, less those who may keep
// silent to hold the class down.
func (p *paths) quorum(cfg LearnConfig, now time.Time) int {
	const expected = 6
	known := count(p.nets, p.span(cfg, now)).networks()
	wanted := float64(int(expected)<<min(p.doubts, maxDoubling)) / max(p.share, cfg.Share*staysLow)
	return max(cfg.MinNetworks, min(known-(cfg.MinNetworks-1), int(wanted)))
}

// turned returns how many networks were narrow before the trial and are not in it: their paths have changed, and no part of the class
// that was wide all the time is mistaken for them.
func (p *paths) turned(cfg LearnConfig, now time.Time) int {
	n, w, fresh := 0, p.span(cfg, now), p.fresh(cfg, now)
	for i := range p.nets {
		was := slices.ContainsFunc(p.nets[i].found[:], func(s sample) bool { return s.in(w) && s.at.Before(p.probing) && s.mtu <= p.mtu+Precision })
		if is, ok := p.nets[i].vote(fresh); ok && was && is.least > p.mtu+Precision {
			n++
		}
	}
	return n
}

// measureShare notes which part of the networks is narrow. A class is lowered when enough of them have come, which is sooner than
// their part alone would have it; without MinNetworks-1 of them the estimate is no higher, and hostile ones do not raise it.
func (p *paths) measureShare(cfg LearnConfig, low, networks int) {
	p.share = float64(low-(cfg.MinNetworks-1)) / float64(networks)
}

func (p *paths) doubt(now time.Time) {
	p.doubts++
	p.trouble = now
}

// plan sets when to evaluate again though no evidence comes.
func (p *paths) plan(cfg LearnConfig, now time.Time) {
	p.next = now.Add(cfg.Window / 8)
	for _, t := range []time.Time{p.raiseAt, p.until} {
		if t.After(now) && t.Before(p.next) {
			p.next = t
		}
	}
}
