package quicsrv

import (
	"net/netip"
	"sync"
	"time"

	"quicedge/internal/path"
)

const (
	// stuck is how long a handshake may be unfinished before a new one from its network is taken for a second try. It is more than a
	// round trip of almost every client, and less than any client waits before it gives up.
	stuck = 250 * time.Millisecond

	// abandonedUntil is the age until which a handshake that its client closes says nothing. Who closes so soon has changed his mind:
	// a client waits this long for the first answer before it even repeats itself (RFC 9002, section 6.2.2).
	abandonedUntil = time.Second

	// failedFrom is the age from which an unfinished handshake counts as failed although quic-go has not given it up: to come through
	// yet, it would have had to lose what was sent first and after quic-go's timeouts of 0.2, 0.4 and 0.8 seconds. Until one counts, each
	// network that comes has its own fail: so it is no longer than that.
	failedFrom = 1500 * time.Millisecond

	// remembered is how long an unfinished handshake makes others of its network start small: who tries again does so by then.
	remembered = time.Minute

	// distrusted is the same for one that is known to have failed for its size.
	distrusted = 10 * time.Minute

	// attemptRoom bounds the networks that are remembered. A flood of forged Initials displaces the oldest, and does nothing else.
	attemptRoom = 16384
)

// attempts remembers, for each network, a handshake that began above path.MinInitial and is not finished: the path may drop
// datagrams of that size. Who tries again starts small, and when that succeeds from the same host, the first one has failed for
// its size. It takes the time as an argument. It is safe for concurrent use.
type attempts struct {
	mu       sync.Mutex
	networks map[netip.Prefix]*attempt
	order    []*attempt // those of networks and some that are no longer, in the order they came; full, it is a ring
	next     int        // the place in the ring of the oldest
	room     int
}

// attempt is one handshake, from a client whose address is not validated until it is finished.
type attempt struct {
	host, network netip.Prefix
	size          uint16 // UDP payload in bytes that it starts with
	former        *attempt
	begun         time.Time

	finished, ended, retried, failed bool
	until                            time.Time // when it is forgotten
}

func newAttempts(room int) *attempts {
	return &attempts{networks: map[netip.Prefix]*attempt{}, room: room}
}

// begin starts an attempt at the size wanted, or at path.MinInitial where one of the network is stuck.
func (a *attempts) begin(addr netip.Addr, wanted uint16, now time.Time) *attempt {
	host, network := prefixesOf(addr)
	t := &attempt{host: host, network: network, size: wanted, begun: now, until: now.Add(remembered)}
	if wanted <= path.MinInitial {
		return t
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	former := a.networks[network]
	switch {
	case former == nil || !now.Before(former.until):
		a.put(t)
	case now.Sub(former.begun) > stuck:
		t.size, t.former = path.MinInitial, former
	}
	return t
}

// put makes t the one that its network is judged by.
func (a *attempts) put(t *attempt) {
	a.networks[t.network] = t
	if len(a.order) < a.room {
		a.order = append(a.order, t)
		return
	}
	oldest := a.order[a.next]
	if a.networks[oldest.network] == oldest {
		delete(a.networks, oldest.network)
	}
	a.order[a.next] = t
	a.next = (a.next + 1) % a.room
}

// finish says that an attempt's handshake is complete, which validates its address. It returns the attempt that has failed for
// its size, if this one shows so.
func (a *attempts) finish(t *attempt, now time.Time) *attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	t.finished = true
	// The network carries what it carried to this one: no other attempt of that size or below is stuck for its size.
	if held := a.networks[t.network]; held != nil && held.size <= t.size {
		delete(a.networks, t.network)
	}
	former := t.former
	if former == nil || former.host != t.host {
		return nil
	}
	former.retried = true
	return a.judge(former, now)
}

// end says that an attempt's connection is over, and whether its client has closed it. It returns the attempt if it has failed
// for its size.
func (a *attempts) end(t *attempt, byClient bool, now time.Time) *attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.finished {
		return nil
	}
	if byClient && now.Sub(t.begun) < abandonedUntil {
		if a.networks[t.network] == t {
			delete(a.networks, t.network)
		}
		t.finished = true
		return nil
	}
	t.ended = true
	return a.judge(t, now)
}

// judge returns t once, when it is known to have failed for its size.
func (a *attempts) judge(t *attempt, now time.Time) *attempt {
	if t.failed || t.finished || !t.retried || !t.ended && now.Sub(t.begun) < failedFrom {
		return nil
	}
	t.failed = true
	t.until = now.Add(distrusted)
	return t
}

// prefixesOf returns what stands for the host of a client (an IPv6 host has a /64) and for its network.
func prefixesOf(addr netip.Addr) (host, network netip.Prefix) {
	if addr.Is4() {
		return netip.PrefixFrom(addr, 32), netip.PrefixFrom(addr, 24).Masked()
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked(), netip.PrefixFrom(addr.WithZone(""), 48).Masked()
}
