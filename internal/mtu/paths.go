package mtu

import (
	"net/netip"
	"slices"
	"time"
)

// paths is what is known of the paths to one class.
type paths struct {
	nets []network

	mtu     uint16    // the table is lowered to it; 0: not lowered
	proven  uint16    // connections may begin at it; 0: unproven
	share   float64   // of the networks that passed no more when it was lowered
	raiseAt time.Time // lowered: when the table is tried again
	probing time.Time // since when it is being tried again; zero: it is not
	void    time.Time // evidence from before does not count: the path has changed

	doubts  int       // how often a class that was tried again stayed as it was, or was raised and fell again
	raised  time.Time // last
	alarms  int       // how often the proven size has failed
	refused uint16    // a size that failed; not proven again before refusedUntil
	until   time.Time // end of refused
	trouble time.Time // last doubt or alarm

	table   uint16 // as it was told last
	learned Learned
	dirty   bool
	asked   time.Time // of the last evaluation
	next    time.Time // when to evaluate though nothing came
}

// span returns when evidence counts that is judged at a time.
func (p *paths) span(cfg LearnConfig, now time.Time) span {
	return span{later(now.Add(-cfg.Window), p.void), now.Add(cfg.Window)}
}

// fresh is the span of evidence that a class which is tried again is judged by.
func (p *paths) fresh(cfg LearnConfig, now time.Time) span {
	w := p.span(cfg, now)
	w.from = later(w.from, p.probing)
	return w
}

// add takes evidence in, and returns whether it may end what is proven.
func (p *paths) add(cfg LearnConfig, e Evidence) (urgent bool) {
	at := e.At.Round(0)
	w := p.fresh(cfg, at)
	n := p.network(cfg, e)
	p.dirty = true
	switch e.Kind {
	case Discovered:
		if e.MTU+Precision >= p.limit(e) {
			n.pass(e.MTU, at, w, p.proven)
			break
		}
		n.find(e.MTU, at)
		if e.MTU >= n.failed.mtu {
			n.fails = false
		}
	case Carried:
		n.pass(e.MTU, at, w, p.proven)
	case Failed, Stalled:
		return n.fail(e.MTU, at, w) && e.MTU <= p.proven
	case Told:
		n.told = sample{e.MTU, at}
	}
	return false
}

// knows reports whether there is evidence of a network. Of nil there is none.
func (p *paths) knows(net netip.Prefix) bool {
	return p != nil && slices.ContainsFunc(p.nets, func(n network) bool { return n.prefix == net })
}

// limit returns the size at which the search of some evidence ended in any case.
func (p *paths) limit(e Evidence) uint16 {
	if e.Limit > 0 {
		return min(searchEnd, e.Limit)
	}
	limit := uint16(searchEnd)
	for _, known := range []uint16{p.table, p.inForce()} {
		if known > 0 {
			limit = min(limit, known)
		}
	}
	return limit
}

// inForce returns what the table is lowered to now, 0 for nothing.
func (p *paths) inForce() uint16 {
	if !p.probing.IsZero() {
		return 0
	}
	return p.mtu
}

// network returns the entry of evidence's network. A new one takes the place of the one not heard of for longest.
func (p *paths) network(cfg LearnConfig, e Evidence) *network {
	oldest := 0
	for i := range p.nets {
		if p.nets[i].prefix == e.Net {
			p.nets[i].newest = later(p.nets[i].newest, e.At.Round(0))
			return &p.nets[i]
		}
		if p.nets[i].newest.Before(p.nets[oldest].newest) {
			oldest = i
		}
	}
	if len(p.nets) < cfg.MaxNetworks {
		p.nets = append(p.nets, network{})
		oldest = len(p.nets) - 1
	}
	p.nets[oldest] = network{prefix: e.Net, newest: e.At.Round(0)}
	return &p.nets[oldest]
}

// due reports whether an evaluation could change anything.
func (p *paths) due(table uint16, now time.Time) bool {
	return p.dirty || table != p.table || !now.Before(p.next) || now.Before(p.asked)
}

// forgotten reports whether nothing is left to know.
func (p *paths) forgotten() bool {
	return len(p.nets) == 0 && p.mtu == 0 && p.doubts == 0 && p.alarms == 0
}
