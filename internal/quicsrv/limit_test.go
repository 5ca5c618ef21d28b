package quicsrv

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// bounded makes limits whose clock stands until it is moved.
func bounded(t *testing.T, l Limits) (*limits, *time.Duration) {
	t.Helper()
	made, err := newLimits(l)
	if err != nil {
		t.Fatal(err)
	}
	at := new(time.Duration)
	made.now = func() time.Time { return clock(*at) }
	return made, at
}

func TestConnectionsOfAPrefixAndOfTheNodeAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		limits  Limits
		clients []string // the last one is refused
		want    error
	}{
		"a /24":                     {Limits{PrefixConns: 2}, []string{"192.0.2.1", "192.0.2.200", "192.0.2.3"}, PrefixConns},
		"another /24":               {Limits{PrefixConns: 2}, []string{"192.0.2.1", "192.0.2.2", "192.0.3.1"}, nil},
		"a /48":                     {Limits{PrefixConns: 1}, []string{"2001:db8:1:1::1", "2001:db8:1:2::1"}, PrefixConns},
		"another /48":               {Limits{PrefixConns: 1}, []string{"2001:db8:1::1", "2001:db8:2::1"}, nil},
		"zones are one":             {Limits{PrefixConns: 1}, []string{"fe80::1%a", "fe80::2%b"}, PrefixConns},
		"a length of the operator":  {Limits{PrefixConns: 1, IPv4Bits: 16}, []string{"192.0.2.1", "192.0.3.1"}, PrefixConns},
		"single hosts":              {Limits{PrefixConns: 1, IPv6Bits: 128}, []string{"2001:db8::1", "2001:db8::2"}, nil},
		"all":                       {Limits{Conns: 2}, []string{"192.0.2.1", "198.51.100.1", "203.0.113.1"}, NodeConns},
		"without a bound":           {Limits{}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, nil},
		"both, that of all is told": {Limits{Conns: 1, PrefixConns: 1}, []string{"192.0.2.1", "192.0.2.1"}, NodeConns},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := bounded(t, tt.limits)
			var got error
			for i, client := range tt.clients {
				if got = l.enter(l.prefix(netip.MustParseAddr(client))); got != nil && i < len(tt.clients)-1 {
					t.Fatalf("%s: %v", client, got)
				}
			}
			if !errors.Is(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWhoLeavesMakesRoomOnce(t *testing.T) {
	l, _ := bounded(t, Limits{PrefixConns: 1})
	first, second := &seat{limits: l, prefix: l.prefix(hostA)}, &seat{limits: l, prefix: l.prefix(hostB)}
	if err := errors.Join(first.take(), first.take()); err != nil {
		t.Fatal(err)
	}
	if err := second.take(); !errors.Is(err, PrefixConns) {
		t.Fatalf("a second one: %v", err)
	}
	first.leave()
	first.leave()
	second.leave() // ended before its handshake did
	if err := second.take(); err != nil || l.total != 0 || len(l.open) != 0 {
		t.Errorf("%v, %d connections of %d prefixes are left", err, l.total, len(l.open))
	}
}

func TestHandshakesLeakAtTheirRate(t *testing.T) {
	const rate = 10
	l, at := bounded(t, Limits{PrefixHandshakes: rate})
	began := func() (n int) {
		for l.begin(l.prefix(hostA)) == nil {
			n++
		}
		return n
	}
	if n := began(); n != rate {
		t.Errorf("%d at once, want %d", n, rate)
	}
	*at += 300 * ms
	if n := began(); n != 3 {
		t.Errorf("%d after 300 ms, want 3", n)
	}
	*at += time.Hour
	if n := began(); n != rate {
		t.Errorf("%d after an hour, want %d", n, rate)
	}
	if err := l.begin(l.prefix(other)); err != nil {
		t.Errorf("another prefix: %v", err)
	}
}

func TestPrefixOverItsRateLeavesTheNodesToOthers(t *testing.T) {
	l, _ := bounded(t, Limits{PrefixHandshakes: 2, Handshakes: 10})
	for range 100 {
		if err := l.begin(l.prefix(hostA)); err != nil && !errors.Is(err, PrefixHandshakes) {
			t.Fatalf("got %v, want %v", err, PrefixHandshakes)
		}
	}
	if err := l.begin(l.prefix(other)); err != nil {
		t.Errorf("another prefix: %v", err)
	}
}

// Forged Initials from a prefix make its clients prove their address, and nothing more: with the proof they are let in.
func TestForgedAddressesLockNobodyOut(t *testing.T) {
	const rate = 10
	l, _ := bounded(t, Limits{PrefixHandshakes: rate, PrefixConns: 5})
	p := l.prefix(hostA)
	proofs := 0
	for range 1000 {
		if l.mustProve(p) {
			proofs++
		}
	}
	if proofs != 1000-rate {
		t.Errorf("%d were asked for a proof, want %d", proofs, 1000-rate)
	}
	for i := range 5 {
		if s := (&seat{limits: l, prefix: p}); s.begin() != nil {
			t.Errorf("client %d with a proof is refused", i)
		}
	}
	if s := (&seat{limits: l, prefix: p}); !errors.Is(s.begin(), PrefixConns) {
		t.Error("the sixth is not")
	}
}

func TestForgedAddressesTakeNoMemory(t *testing.T) {
	l, at := bounded(t, Limits{PrefixHandshakes: 1, PrefixConns: 1, Handshakes: 1, Conns: 1})
	n := 0
	if got := testing.AllocsPerRun(100_000, func() {
		n++
		*at += ms
		l.mustProve(l.prefix(netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), 1})))
	}); got != 0 {
		t.Errorf("%v allocations each", got)
	}
	if l.rates.Len() != 0 || len(l.open) != 0 {
		t.Errorf("%d and %d prefixes are kept", l.rates.Len(), len(l.open))
	}
	for i := range 2 * provenRoom { // these have proven it
		*at += time.Second
		if err := l.begin(l.prefix(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}))); err != nil {
			t.Fatal(err)
		}
	}
	if l.rates.Len() != provenRoom {
		t.Errorf("%d prefixes are kept, want %d", l.rates.Len(), provenRoom)
	}
}
