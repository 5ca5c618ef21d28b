package quicsrv

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// clock is virtual time that starts at zero.
func clock(at time.Duration) time.Time { return time.Unix(0, 0).Add(at) }

const ms = time.Millisecond

var (
	hostA = netip.MustParseAddr("198.51.100.7")
	hostB = netip.MustParseAddr("198.51.100.8") // of the same network
	other = netip.MustParseAddr("203.0.113.7")
)

func TestSecondTryOfANetworkStartsSmall(t *testing.T) {
	for name, tt := range map[string]struct {
		first, second netip.Addr
		after         time.Duration
		want          uint16
	}{
		"the same host":                 {hostA, hostA, 251 * ms, 1200},
		"its neighbour":                 {hostA, hostB, 251 * ms, 1200},
		"too soon":                      {hostA, hostA, 250 * ms, 1372},
		"another network":               {hostA, other, 251 * ms, 1372},
		"long after":                    {hostA, hostA, time.Minute, 1372},
		"the same IPv6 host":            {netip.MustParseAddr("2001:db8:1:2::3"), netip.MustParseAddr("2001:db8:1:2::4"), 251 * ms, 1200},
		"another IPv6 host, same /48":   {netip.MustParseAddr("2001:db8:1:2::3"), netip.MustParseAddr("2001:db8:1:3::3"), 251 * ms, 1200},
		"another IPv6 network":          {netip.MustParseAddr("2001:db8:1:2::3"), netip.MustParseAddr("2001:db8:2:2::3"), 251 * ms, 1372},
		"a zone does not make networks": {netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("fe80::1%eth1"), 251 * ms, 1200},
	} {
		a := newAttempts(8)
		if got := a.begin(tt.first, 1372, clock(0)).size; got != 1372 {
			t.Fatalf("%s: the first starts at %d", name, got)
		}
		if got := a.begin(tt.second, 1372, clock(tt.after)).size; got != tt.want {
			t.Errorf("%s: starts at %d, want %d", name, got, tt.want)
		}
	}
}

func TestFailureIsToldOnceAndOnlyOfTheHostThatCameBack(t *testing.T) {
	a := newAttempts(8)
	first := a.begin(hostA, 1372, clock(0))
	neighbour := a.begin(hostB, 1372, clock(400*ms))
	if a.finish(neighbour, clock(5*time.Second)) != nil {
		t.Error("a neighbour's success tells of the first")
	}
	second := a.begin(hostA, 1372, clock(6*time.Second))
	if got := a.finish(second, clock(6100*ms)); got != first || got.size != 1372 {
		t.Fatalf("got %+v, want the first", got)
	}
	if a.end(first, false, clock(10*time.Second)) != nil {
		t.Error("told twice")
	}
	if third := a.begin(hostB, 1372, clock(5*time.Minute)); third.size != 1200 || a.finish(third, clock(5*time.Minute+50*ms)) != nil {
		t.Errorf("after a failure: %+v", third)
	}
	if later := a.begin(hostA, 1372, clock(17*time.Minute)); later.size != 1372 {
		t.Error("the size is never tried again")
	}
}

func TestFailureWaitsUntilTheFirstIsSurelyLost(t *testing.T) {
	type step struct {
		end, byClient bool
		at            time.Duration
		failed        bool
	}
	for name, tt := range map[string]struct {
		retry time.Duration // when the second is finished
		told  bool          // by that
		end   step          // of the first
	}{
		"ended before":                    {retry: 6 * time.Second, told: true},
		"young, ends by itself":           {retry: 600 * ms, end: step{end: true, at: 5 * time.Second, failed: true}},
		"young, closed by the client":     {retry: 600 * ms, end: step{end: true, byClient: true, at: 1200 * ms, failed: true}},
		"young, given up by the client":   {retry: 600 * ms, end: step{end: true, byClient: true, at: 900 * ms}},
		"old enough":                      {retry: 1500 * ms, told: true, end: step{end: true, at: 5 * time.Second}},
		"young, and finished after all":   {retry: 600 * ms, end: step{at: 900 * ms}},
		"not quite old enough, then ends": {retry: 1400 * ms, end: step{end: true, at: 5 * time.Second, failed: true}},
	} {
		a := newAttempts(8)
		first := a.begin(hostA, 1372, clock(0))
		second := a.begin(hostA, 1372, clock(300*ms))
		if got := a.finish(second, clock(tt.retry)) != nil; got != tt.told {
			t.Errorf("%s: told by the retry %v, want %v", name, got, tt.told)
		}
		switch {
		case tt.end.end:
			if got := a.end(first, tt.end.byClient, clock(tt.end.at)) != nil; got != tt.end.failed {
				t.Errorf("%s: told by the end %v, want %v", name, got, tt.end.failed)
			}
		case tt.end.at > 0:
			if a.finish(first, clock(tt.end.at)) != nil || a.end(first, false, clock(time.Minute)) != nil {
				t.Errorf("%s: told although it was finished", name)
			}
		}
	}
}

func TestNetworkThatCarriesTheSizeIsNotStartedSmall(t *testing.T) {
	a := newAttempts(8)
	a.begin(hostA, 1372, clock(0)) // its client has gone away
	alive := a.begin(hostB, 1372, clock(100*ms))
	a.finish(alive, clock(200*ms))
	if got := a.begin(hostA, 1372, clock(400*ms)).size; got != 1372 {
		t.Errorf("starts at %d", got)
	}
	small := newAttempts(8)
	small.begin(hostA, 1372, clock(0))
	less := small.begin(hostB, 1300, clock(100*ms))
	small.finish(less, clock(200*ms))
	if got := small.begin(hostA, 1372, clock(400*ms)).size; got != 1200 {
		t.Errorf("starts at %d although only 1300 passed", got)
	}
	unproven := newAttempts(8)
	unproven.begin(hostA, 1200, clock(0))
	if got := unproven.begin(hostA, 1372, clock(time.Second)); got.former != nil || got.size != 1372 {
		t.Errorf("an attempt that began small holds others back: %+v", got)
	}
}

// A forged Initial is an attempt that is never finished. A hundred thousand networks of them leave a bounded memory, and tell
// nothing whatever becomes of their connections.
func TestForgedInitialsTellNothingAndTakeNoRoom(t *testing.T) {
	a := newAttempts(64)
	var last *attempt
	for i := range uint32(100_000) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 0x0a000000+i<<8)
		now := clock(time.Duration(i) * ms)
		last = a.begin(netip.AddrFrom4(b), 1372, now)
		if a.end(last, i%2 == 0, now.Add(5*time.Second)) != nil {
			t.Fatal("told of a handshake that nobody finished")
		}
		if len(a.networks) > 64 || len(a.order) > 64 {
			t.Fatalf("%d networks, %d in order", len(a.networks), len(a.order))
		}
	}
	if a.networks[last.network] != last {
		t.Error("the newest is not remembered")
	}
}
