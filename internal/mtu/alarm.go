package mtu

import (
	"slices"
	"time"
)

// alarm takes away what is proven when networks fail at it for which it had worked, or which are new.
//
// Where every path has shrunk, MinNetworks failures come one after another. Where some paths were always narrow, failures lie among
// many connections that work: so at least half of the networks that tried since the first of the failures must have failed. And the
// more networks were failing before, the more must fail now: 5 % of them treble the number. MinNetworks-1 of those before are not
// counted, or so few hostile ones could hide a change.
func (p *paths) alarm(cfg LearnConfig, now time.Time) {
	if p.proven == 0 {
		return
	}
	failed, worked, narrow := p.attempts(span{now.Add(-cfg.Window), now.Add(cfg.Window)})
	for j := cfg.MinNetworks; j <= len(failed); j++ {
		first := failed[j-1]
		since := 0
		for _, at := range worked {
			if !at.Before(first) {
				since++
			}
		}
		before := max(0, len(failed)+narrow-j-(cfg.MinNetworks-1))
		rate := float64(before) / float64(max(1, len(failed)+narrow+len(worked)-j))
		if j >= since && float64(j) >= float64(cfg.MinNetworks)*(1+40*rate) {
			p.unprove(cfg, first, now)
			return
		}
	}
}

// attempts returns when networks failed at the proven size or below it, newest first, when others last worked at it, and how many are
// known to be narrower otherwise.
func (p *paths) attempts(w span) (failed, worked []time.Time, narrow int) {
	for i := range p.nets {
		n := &p.nets[i]
		failing := n.fails && n.failed.in(w)
		v, _ := n.vote(w)
		switch {
		case failing && n.failed.mtu <= p.proven:
			failed = append(failed, n.failed.at)
		case failing, v.most > 0 && v.most < p.proven:
			narrow++
		case w.has(n.tried):
			worked = append(worked, n.tried)
		}
	}
	slices.SortFunc(failed, func(a, b time.Time) int { return b.Compare(a) })
	return failed, worked, narrow
}

// unprove lets connections begin small again, on a path that changed at a time. The sizes that failed are refused for a while.
func (p *paths) unprove(cfg LearnConfig, changed, now time.Time) {
	p.refused = p.proven
	for i := range p.nets {
		n := &p.nets[i]
		if n.fails && !n.failed.at.Before(changed) && n.failed.mtu <= p.proven {
			p.refused = min(p.refused, n.failed.mtu)
		}
		n.failed, n.fails = sample{}, false
	}
	p.until = now.Add(cfg.wait(p.alarms))
	p.alarms++
	p.proven, p.void, p.trouble = 0, changed, now
}
