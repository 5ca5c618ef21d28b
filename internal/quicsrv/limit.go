package quicsrv

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits bound what clients may take of a server, all protocols together: those of one prefix of addresses, and all. The zero value of a
// number is no bound.
type Limits struct {
	IPv4Bits, IPv6Bits int // how long the prefixes are that are counted. 0: 24 and 48

	PrefixConns, Conns           int // connections at once
	PrefixHandshakes, Handshakes int // handshakes a second; a pause saves up as many as a second has
}

// Refusal is why a client is refused. It is an error.
type Refusal uint8

// The bounds that a client may meet.
const (
	PrefixConns Refusal = iota
	NodeConns
	PrefixHandshakes
	NodeHandshakes
	OpenFiles // of TCP clients
	refusals
)

// String is the label of a refusal in metrics.
func (r Refusal) String() string {
	return [...]string{"prefix_connections", "node_connections", "prefix_handshakes", "node_handshakes", "open_files"}[r]
}

func (r Refusal) Error() string { return "too many: " + r.String() }

// provenRoom bounds the prefixes whose handshakes are counted. Only addresses that were validated get in, and the one that has been quiet
// for the longest goes first.
const provenRoom = 16384

// limits counts connections and handshakes of validated addresses, and refuses what is too many. A forged address never counts here: it could
// lock out the clients of its prefix. What it may do is in unvalidated. All workers and the TCP listener share one. It is safe for
// concurrent use.
type limits struct {
	Limits
	now         func() time.Time
	unvalidated *unvalidated

	mu       sync.Mutex
	open     map[netip.Prefix]int // connections; no more entries than total
	total    int
	rates    *simplelru.LRU[netip.Prefix, *bucket]
	rate     bucket // of all
	overQUIC [refusals]uint64
	overTCP  [refusals]uint64
}

func newLimits(l Limits) (*limits, error) {
	l.IPv4Bits, l.IPv6Bits = positive(l.IPv4Bits, 24), positive(l.IPv6Bits, 48)
	rates, err := simplelru.NewLRU[netip.Prefix, *bucket](provenRoom, nil)
	if err != nil {
		return nil, fmt.Errorf("limit clients: %w", err)
	}
	return &limits{Limits: l, now: time.Now, unvalidated: newUnvalidated(), open: map[netip.Prefix]int{}, rates: rates}, nil
}

// prefix is what a client is counted by.
func (l *limits) prefix(addr netip.Addr) netip.Prefix {
	bits := l.IPv6Bits
	if addr.Is4() {
		bits = l.IPv4Bits
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil { // no address, as a test's connection has
		return netip.Prefix{}
	}
	return p
}

// begin counts a handshake of a validated address, or refuses it.
func (l *limits) begin(p netip.Prefix) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.full(p); err != nil {
		return err
	}
	now := l.now()
	of, ok := l.rates.Get(p)
	if !ok {
		of = &bucket{}
		l.rates.Add(p, of)
	}
	switch { // what a prefix has too many takes nothing of the others' room
	case !of.take(l.PrefixHandshakes, now):
		return PrefixHandshakes
	case !l.rate.take(l.Handshakes, now):
		return NodeHandshakes
	}
	return nil
}

// enter counts a connection of a validated address, or refuses it. leave takes it out again.
func (l *limits) enter(p netip.Prefix) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.full(p); err != nil {
		return err
	}
	l.open[p]++
	l.total++
	return nil
}

func (l *limits) leave(p netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.open[p]--; l.open[p] == 0 {
		delete(l.open, p)
	}
}

// full returns which bound on connections leaves no room.
func (l *limits) full(p netip.Prefix) error {
	switch {
	case l.Conns > 0 && l.total >= l.Conns:
		return NodeConns
	case l.PrefixConns > 0 && l.open[p] >= l.PrefixConns:
		return PrefixConns
	}
	return nil
}
