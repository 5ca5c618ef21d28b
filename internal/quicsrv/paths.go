package quicsrv

import (
	"net/netip"
	"sync/atomic"
	"time"

	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// traceOneIn is how many connections of a proven class, or of a network that has told its path MTU, share one that is traced: quic-go
// makes events of every packet of a traced connection, for as long as it lives (BenchmarkTracer prints what that costs).
const traceOneIn = 16

// paths is what all connections of a server have in common when their paths are watched.
type paths struct {
	attempts *attempts
	observer Observer
	load     *retryLoad
	initials *initials
	limits   *limits
	keep     time.Duration // how long a connection without requests is kept
	tellers  *tellers
	turn     atomic.Uint32
	now      func() time.Time
}

func newPaths(cfg Config) *paths {
	w := &paths{attempts: newAttempts(attemptRoom), observer: cfg.Observer, load: cfg.load, initials: cfg.initials, limits: cfg.limits, keep: cfg.KeepFor, tellers: newTellers(), now: time.Now}
	if w.observer == nil {
		w.observer = nobody{}
	}
	return w
}

type nobody struct{}

func (nobody) Observe(Event) {}

// traced decides whether a connection's path MTU discovery is followed: where its class has to learn its MTU, be it that less is proven
// than the class's MTU allows, until its network has told enough; and of some of the others.
func (w *paths) traced(network netip.Prefix, start uint16, p path.Profile) bool {
	if w.observer == (nobody{}) || !p.Search {
		return false
	}
	learns := start <= path.MinInitial || start+searchGap < min(p.Budget, path.MaxInitial)
	return p.Probing || learns && !w.tellers.enough(network, w.now()) || w.turn.Add(1)%traceOneIn == 0
}

// headers4 is what an IPv4 packet has around a datagram's payload: 20 bytes and 8 of UDP.
const headers4 = 28

// headersOf returns what a packet to an address has around a datagram's payload.
func headersOf(addr netip.Addr) uint16 {
	if addr.Is4() {
		return headers4
	}
	return mtu.Overhead
}

// startOf returns the payload that connections of a client may begin with. What is proven is a size of packets, of which IPv4 has more room
// for payload than a profile assumes; the class's budget stands for both.
func startOf(addr netip.Addr, p path.Profile) uint16 {
	size := p.Initial
	if p.Proven > 0 {
		size = max(size, min(p.Budget, p.Proven-headersOf(addr)))
	}
	return min(max(size, path.MinInitial), path.MaxInitial)
}
