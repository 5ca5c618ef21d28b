package mtu_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

// hostile sends whatever helps it, from fewer networks than may decide, as often as it likes.
func hostile(n *node, networks int) {
	kinds := []mtu.EvidenceKind{mtu.Discovered, mtu.Carried, mtu.Failed, mtu.Stalled, mtu.Told}
	for range n.random.IntN(12) {
		size := []uint16{mtu.Min, 1300, 1420, 1500, 9000, uint16(n.random.Uint32())}[n.random.IntN(6)]
		limit := []uint16{0, 1500, 9000, uint16(n.random.Uint32())}[n.random.IntN(4)]
		n.add(20_000+n.random.IntN(networks), kinds[n.random.IntN(len(kinds))], size, limit)
		n.ask()
	}
}

func TestFewerThanThreeNetworksMoveNothing(t *testing.T) {
	for _, networks := range []int{1, 2} {
		t.Run("of a class without other clients", func(t *testing.T) {
			n := newNode(t, 1420)
			for range 5000 {
				n.wait(time.Second)
				hostile(n, networks)
				if n.changes > 0 {
					t.Fatalf("%d networks moved the class: %+v", networks, n.state)
				}
			}
		})
		t.Run("of a class whose paths carry the table's size", func(t *testing.T) {
			n := newNode(t, 1420)
			for i := range 20 {
				n.connect(i, 1420)
			}
			n.check("before", false, true, 1399, 1420)
			for range 5000 {
				n.connect(n.random.IntN(20), 1420)
				hostile(n, networks)
				if s := n.ask(); s.MTU != 0 || s.Probing || s.Proven < 1420-mtu.Precision || s.Proven > 1420 {
					t.Fatalf("%d networks moved the class: %+v", networks, s)
				}
			}
			if n.failed > 0 {
				t.Errorf("%d handshakes failed", n.failed)
			}
		})
		t.Run("of a class whose paths are narrow", func(t *testing.T) {
			n := newNode(t, 1420)
			for i := range 20 {
				n.connect(i, 1300)
			}
			for range 5000 {
				n.connect(n.random.IntN(20), 1300)
				hostile(n, networks)
				if s := n.ask(); s.MTU == 0 && !s.Probing || s.MTU > 1300 || s.Proven < 1300-mtu.Precision || s.Proven > 1300 {
					t.Fatalf("%d networks moved the class: %+v", networks, s)
				}
			}
			if n.failed > 0 {
				t.Errorf("%d handshakes failed", n.failed)
			}
		})
		t.Run("of a class whose paths have healed", func(t *testing.T) {
			n := newNode(t, 1420)
			for i := range 20 {
				n.connect(i, 1300)
				hostile(n, networks)
			}
			n.now = n.ask().RaiseAt
			for i := range 20 {
				n.connect(i, 1420)
				hostile(n, networks)
			}
			n.check("healed", false, true, 1399, 1420)
		})
	}
}

func TestAnAlarmCannotBeHiddenByTwoNetworks(t *testing.T) {
	n := newNode(t, 1420)
	for i := range 60 {
		n.connect(i%30, 1420)
		hostile(n, 2)
	}
	for i := range 30 {
		n.connect(i, 1300)
		hostile(n, 2)
	}
	if n.failed > 3 {
		t.Errorf("%d handshakes failed, want at most 3", n.failed)
	}
	n.check("after", true, true, 1279, 1300)
}

// Random networks, hostile or not, never bring a state that would harm: a size out of bounds, or one begun at that fewer than three
// networks have shown.
func TestNoEvidenceMakesAnImpossibleState(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		l, now := mtu.NewLearner(mtu.LearnConfig{}), start
		for range 5000 {
			now = now.Add(time.Duration(random.Int64N(int64(3*time.Minute)) - int64(20*time.Second)))
			l.Add(mtu.Evidence{
				Class: class.ID(random.IntN(2)), Net: net(random.IntN(40)), Kind: mtu.EvidenceKind(random.IntN(8)),
				MTU: uint16(1200 + random.IntN(400)), Limit: uint16(random.IntN(3) * 750), At: now,
			})
			table := uint16(1248 + random.IntN(2)*252)
			s := l.Class(class.ID(random.IntN(2)), table, now)
			if s.MTU != 0 && s.MTU < mtu.Min || s.Proven != 0 && s.Proven < mtu.Min || s.Proven > table || s.Probing && s.MTU != 0 ||
				s.Proven > 0 && s.Networks < 3 || s.MTU > 0 && !s.RaiseAt.After(time.Time{}) {
				t.Fatalf("seed %d: %+v", seed, s)
			}
		}
	}
}

func TestOneNetworkHasOneVoteHoweverItIsWritten(t *testing.T) {
	for _, addrs := range [][]string{
		{"192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/31", "192.0.2.0/24", "::ffff:192.0.2.9/128"},
		{"2001:db8:1::1/128", "2001:db8:1:2::1/64", "2001:db8:1:ffff::/64", "2001:db8:1::/48"},
	} {
		l := mtu.NewLearner(mtu.LearnConfig{})
		for range 10 {
			for _, a := range addrs {
				l.Add(mtu.Evidence{Class: gansu, Net: netip.MustParsePrefix(a), Kind: mtu.Discovered, MTU: 1300, At: start})
			}
		}
		if s := l.Class(gansu, 1420, start); s.Networks != 1 || s.MTU != 0 || s.Proven != 0 {
			t.Errorf("%v: %+v", addrs, s)
		}
	}
}

func TestOldVotesExpire(t *testing.T) {
	n := newNode(t, 1420)
	for i := range 20 {
		n.connect(i, 1300)
	}
	n.check("before", true, true, 1279, 1300)
	n.wait(31 * time.Minute)
	if s := n.ask(); s.Networks != 0 || s.Proven != 0 {
		t.Errorf("after the window: %+v", s)
	}
	n.wait(31 * time.Minute)
	if s := n.ask(); s.MTU != 0 || s.Probing || s.Networks != 0 {
		t.Errorf("long after: %+v", s)
	}
	if len(n.l.Classes()) != 0 {
		t.Errorf("remembers %v", n.l.Classes())
	}
}

func TestASearchThatTheClampEndedSaysNothingOfThePath(t *testing.T) {
	for name, limit := range map[string]uint16{"told with the evidence": 1360, "known from the table": 0} {
		l := mtu.NewLearner(mtu.LearnConfig{})
		l.Add(mtu.Evidence{Class: gansu, Net: net(0), Kind: mtu.Carried, MTU: 1300, At: start})
		l.Class(gansu, 1360, start)
		for i := range 20 {
			l.Add(mtu.Evidence{Class: gansu, Net: net(i), Kind: mtu.Discovered, MTU: 1350, Limit: limit, At: start})
		}
		if s := l.Class(gansu, 1500, start); s.MTU != 0 || s.Proven != 1350 {
			t.Errorf("%s: %+v, want nothing lowered and 1350 proven", name, s)
		}
	}
}

func TestICMPLowersOnlyWhatNoConnectionHasShown(t *testing.T) {
	told := func(l *mtu.Learner) mtu.Learned {
		for i := range 20 {
			l.Add(mtu.Evidence{Class: gansu, Net: net(i), Kind: mtu.Told, MTU: 1280, At: at(60)})
		}
		return l.Class(gansu, 1420, at(60))
	}
	if s := told(mtu.NewLearner(mtu.LearnConfig{ICMPAlone: true})); s.MTU != 1280 || s.Proven != 0 {
		t.Errorf("of a class known by ICMP alone: %+v", s)
	}
	if l := mtu.NewLearner(mtu.LearnConfig{}); told(l) != (mtu.Learned{}) || len(l.Classes()) != 0 {
		t.Errorf("of networks without connections: %+v", told(l))
	}
	l := mtu.NewLearner(mtu.LearnConfig{})
	for i := range 20 {
		l.Add(mtu.Evidence{Class: gansu, Net: net(i), Kind: mtu.Carried, MTU: 1420, At: at(0)})
	}
	if s := told(l); s.MTU != 0 || s.Proven != 1420 {
		t.Errorf("of a class whose connections carry more: %+v", s)
	}
}

func TestOnlyNewsOfAProvenSizeIsUrgent(t *testing.T) {
	n := newNode(t, 1420)
	for i := range 20 {
		n.connect(i, 1420)
	}
	proven := n.ask().Proven
	for _, tt := range []struct {
		kind mtu.EvidenceKind
		size uint16
		want bool
	}{{mtu.Failed, proven, true}, {mtu.Stalled, proven - 50, true}, {mtu.Failed, proven + 1, false}, {mtu.Failed, mtu.Min, false}, {mtu.Discovered, 1300, false}, {99, 1300, false}} {
		if got := n.l.Add(mtu.Evidence{Class: n.id, Net: net(900), Kind: tt.kind, MTU: tt.size, At: n.now}); got != tt.want {
			t.Errorf("%s at %d: %v, want %v", tt.kind, tt.size, got, tt.want)
		}
	}
}
