package mtu

import (
	"net/netip"
	"slices"
	"time"
)

// sample is a size and when it was seen.
type sample struct {
	mtu uint16    // IP packet size in bytes, 0: none
	at  time.Time // without a monotonic part, so that what is loaded equals what was saved
}

// maxPasses is how many passes of a network count as samples: a network that opens many connections is one network.
const maxPasses = 3

// in reports whether the sample is there and lies in a span.
func (s sample) in(w span) bool { return s.mtu > 0 && w.has(s.at) }

// span is the time from which evidence counts. One from the far side of now is left from a clock that was wrong.
type span struct{ from, to time.Time }

func (w span) has(at time.Time) bool { return !at.Before(w.from) && !at.After(w.to) }

// network is what is kept of the clients of one network.
type network struct {
	prefix netip.Prefix
	found  [3]sample // where the newest searches ended that ended for the path's sake, newest first
	passed sample    // the largest size that passed, and when it last did
	passes int       // how often, maxPasses at most
	tried  time.Time // a connection that began at the proven size, or above, last worked; Precision less is near enough: IPv4 begins with less
	failed sample    // a size that failed though the network was not known to be narrow; when that happened first
	fails  bool      // and nothing of that size has passed since
	told   sample    // what ICMP said last
	newest time.Time
}

// vote is what a network says of its path.
type vote struct {
	least   uint16 // this size passes; 0: not known
	most    uint16 // and no larger one does; 0: not known
	samples int
}

func (n *network) vote(w span) (v vote, ok bool) {
	var found []uint16
	var last time.Time
	for _, s := range n.found {
		if s.in(w) {
			found = append(found, s.mtu)
			last = later(last, s.at)
		}
	}
	v.samples = len(found)
	if len(found) > 0 { // the median: one search that loss misled does not count
		slices.Sort(found)
		v.least = found[(len(found)-1)/2]
		v.most = v.least
	}
	if n.passed.in(w) {
		v.samples += n.passes
		if n.passed.mtu > v.least && !n.passed.at.Before(last) {
			if n.passed.mtu > v.most+Precision {
				v.most = 0
			} else {
				v.most = n.passed.mtu
			}
			v.least = n.passed.mtu
		}
	}
	if n.told.in(w) {
		v.samples++
		// Anyone who guesses ports can send ICMP: it does not count against what a connection has shown.
		if v.most == 0 && n.told.mtu >= v.least {
			v.most = n.told.mtu
		}
	}
	return v, v.samples > 0
}

// pass notes that a size passed. Smaller ones than are known say nothing, until those are old.
func (n *network) pass(mtu uint16, at time.Time, w span, proven uint16) {
	switch {
	case !n.passed.in(w):
		n.passed, n.passes = sample{mtu, at}, 1
	case mtu+Precision >= n.passed.mtu:
		n.passed, n.passes = sample{max(mtu, n.passed.mtu), at}, min(n.passes+1, maxPasses)
	}
	if proven > 0 && mtu+Precision >= proven {
		n.tried = at
	}
	if mtu >= n.failed.mtu {
		n.fails = false
	}
}

// find notes where a search ended for the path's sake.
func (n *network) find(mtu uint16, at time.Time) {
	n.found = [3]sample{{mtu, at}, n.found[0], n.found[1]}
}

// fail notes that a size failed, and returns whether that is news: of a network known to be narrower it is not. What the network had
// shown before is void. A network that fails again soon fails when it first did: it cannot sound the alarm whenever it likes.
func (n *network) fail(mtu uint16, at time.Time, w span) bool {
	if v, ok := n.vote(w); ok && v.most > 0 && v.most < mtu {
		return false
	}
	for i, s := range n.found {
		if s.mtu >= mtu {
			n.found[i] = sample{}
		}
	}
	if n.passed.mtu >= mtu {
		n.passed = sample{}
	}
	if !n.failed.in(w) {
		n.failed.at = at
	}
	n.failed.mtu, n.fails = mtu, true
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
