package quicsrv

import (
	"hash/maphash"
	"net/netip"
)

// unvalidatedRoom is how many buckets the prefixes of addresses that nobody has validated share. Where two share one, both are asked for a
// proof sooner, which is a round trip: so forged addresses, however many, take no memory and lock nobody out.
const unvalidatedRoom = 4096

// unvalidated counts handshakes from addresses that may be forged. It is not safe for concurrent use: limits guards it.
type unvalidated struct {
	seed     maphash.Seed
	prefixes [unvalidatedRoom]bucket
	all      bucket
}

func newUnvalidated() *unvalidated { return &unvalidated{seed: maphash.MakeSeed()} }

func (u *unvalidated) of(p netip.Prefix) *bucket {
	return &u.prefixes[maphash.Comparable(u.seed, p)%unvalidatedRoom]
}

// mustProve counts an Initial without a valid token, and reports whether its client has to prove its address by a Retry (RFC 9000, section
// 8.1.2): when its prefix, or the server, has no room for more connections, or begins more handshakes than it may. With the proof the
// client is counted by begin and enter, where it may be refused; what was forged does not come back.
func (l *limits) mustProve(p netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	return l.full(p) != nil || !l.unvalidated.of(p).take(l.PrefixHandshakes, now) || !l.unvalidated.all.take(l.Handshakes, now)
}
