package mtu

import (
	"net/netip"
	"testing"
	"time"

	"quicedge/internal/class"
)

func TestAMillionNetworksTakeTheRoomOf256(t *testing.T) {
	l, now := NewLearner(LearnConfig{}), time.Unix(1_700_000_000, 0)
	id := class.Of(44, class.CUCC)
	for i := range 1_000_000 {
		addr := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 16), byte(i >> 8), byte(i)})
		if i%2 == 0 {
			addr = netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i)})
		}
		l.Add(Evidence{Class: id, Net: NetworkOf(addr), Kind: Discovered, MTU: 1400, At: now.Add(time.Duration(i) * time.Microsecond)})
	}
	if n := l.classes[id].nets; len(n) != 256 || cap(n) > 512 {
		t.Errorf("%d networks kept in the room of %d", len(n), cap(n))
	}
	if got := l.Class(id, 1500, now.Add(time.Second)); got.Networks != 256 || got.MTU != 1400 {
		t.Errorf("got %+v", got)
	}
	if l.Class(id, 1500, now.Add(3*time.Hour)); len(l.classes[id].nets) != 0 {
		t.Errorf("%d networks kept after they expired", len(l.classes[id].nets))
	}
}

func TestEvidenceOfNoClassTakesNoRoom(t *testing.T) {
	l := NewLearner(LearnConfig{})
	net := netip.MustParsePrefix("192.0.2.0/24")
	for id := range 1 << 16 {
		l.Add(Evidence{Class: class.ID(id), Net: net, Kind: Carried, MTU: 1400, At: time.Unix(1, 0)})
	}
	l.Add(Evidence{Class: 0, Kind: Carried, MTU: 1400, At: time.Unix(1, 0)})
	if len(l.classes) != len(class.All()) {
		t.Errorf("%d classes", len(l.classes))
	}
}

// One connection's evidence, in a class of which as many networks are remembered as may be.
func BenchmarkAdd(b *testing.B) {
	l, now, i := NewLearner(LearnConfig{}), time.Unix(1_700_000_000, 0), 0
	for b.Loop() {
		i++
		net := NetworkOf(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i)}))
		l.Add(Evidence{Class: 0, Net: net, Kind: Carried, MTU: 1400, At: now.Add(time.Duration(i) * time.Millisecond)})
	}
}

// What one class costs at a tick that has news of it.
func BenchmarkClass(b *testing.B) {
	l, now, i := NewLearner(LearnConfig{}), time.Unix(1_700_000_000, 0), 0
	for b.Loop() {
		i++
		net := NetworkOf(netip.AddrFrom4([4]byte{10, 0, byte(i)}))
		now = now.Add(time.Millisecond)
		l.Add(Evidence{Class: 0, Net: net, Kind: Carried, MTU: 1400, At: now})
		l.Class(0, 1420, now)
	}
}
