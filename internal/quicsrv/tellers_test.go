package quicsrv

import (
	"net/netip"
	"testing"
	"time"
)

func TestNetworkThatHasToldIsAskedAgainLater(t *testing.T) {
	now := time.Unix(1e9, 0)
	one, other := netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")
	all := newTellers()
	for n := range tellOften {
		if all.enough(one, now) {
			t.Fatalf("enough after %d", n)
		}
		all.told(one, now.Add(time.Duration(n)*time.Second))
	}
	if !all.enough(one, now.Add(tellFor-time.Second)) {
		t.Error("not enough")
	}
	if all.enough(one, now.Add(tellFor)) {
		t.Error("for ever")
	}
	if all.enough(other, now) {
		t.Error("of another network")
	}
	all.told(one, now.Add(tellFor))
	if all.enough(one, now.Add(tellFor)) {
		t.Error("one after all that time is enough")
	}
}

func TestConnectionsOfANetworkThatHasToldAreSampled(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.7")
	w, profile := newPaths(Config{Observer: discard{}}), unproven(1500)(addr)
	count := func() (n int) {
		for range 10 * traceOneIn {
			if w.begin(addr, profile).search != nil {
				n++
			}
		}
		return n
	}
	if n := count(); n != 10*traceOneIn {
		t.Errorf("%d are followed before any has told", n)
	}
	_, network := prefixesOf(addr)
	for range tellOften {
		w.tellers.told(network, time.Now())
	}
	if n := count(); n != 10 {
		t.Errorf("%d of %d are followed afterwards", n, 10*traceOneIn)
	}
}
