package quicsrv

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	// tellOften is how many connections of a network tell their path MTU before it is known for tellFor: as much as one network counts.
	tellOften = 8
	tellFor   = 10 * time.Minute
)

// tellers remembers which networks have told their path MTU often enough. It is a cache of one place a hash: a network that is
// displaced is asked again. Only validated connections tell, so that forged Initials keep nobody from it. It is safe for concurrent use.
type tellers struct {
	seed maphash.Seed
	mu   sync.Mutex
	of   [1024]teller
}

type teller struct {
	hash  uint64
	told  int
	since time.Time
}

func newTellers() *tellers { return &tellers{seed: maphash.MakeSeed()} }

// told counts a connection of a network.
func (t *tellers) told(network netip.Prefix, now time.Time) {
	hash := maphash.Comparable(t.seed, network)
	t.mu.Lock()
	defer t.mu.Unlock()
	at := &t.of[hash%uint64(len(t.of))]
	if at.hash != hash || now.Sub(at.since) >= tellFor {
		*at = teller{hash: hash, since: now}
	}
	at.told++
}

// enough reports whether a network has told often enough lately.
func (t *tellers) enough(network netip.Prefix, now time.Time) bool {
	hash := maphash.Comparable(t.seed, network)
	t.mu.Lock()
	defer t.mu.Unlock()
	at := &t.of[hash%uint64(len(t.of))]
	return at.hash == hash && at.told >= tellOften && now.Sub(at.since) < tellFor
}
