package mtu_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

// node is a server in virtual time that asks the learner before each connection and tells it what became of it.
type node struct {
	t       *testing.T
	l       *mtu.Learner
	id      class.ID
	table   uint16
	now     time.Time
	random  *rand.Rand
	state   mtu.Learned
	changes int // of what the kernel and the server are given
	failed  int // handshakes
}

func newNode(t *testing.T, table uint16) *node {
	return &node{t: t, l: mtu.NewLearner(mtu.LearnConfig{}), id: gansu, table: table, now: start, random: rand.New(rand.NewPCG(3, uint64(table)))}
}

// net is the network of a number.
func net(i int) netip.Prefix {
	return mtu.NetworkOf(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 7}))
}

func (n *node) wait(d time.Duration) { n.now = n.now.Add(d) }

func (n *node) ask() mtu.Learned {
	was := n.state
	n.state = n.l.Class(n.id, n.table, n.now)
	if was.MTU != n.state.MTU || was.Proven != n.state.Proven || was.Probing != n.state.Probing {
		n.changes++
	}
	return n.state
}

func (n *node) add(i int, kind mtu.EvidenceKind, size, limit uint16) {
	n.l.Add(mtu.Evidence{Class: n.id, Net: net(i), Kind: kind, MTU: size, Limit: limit, At: n.now})
}

// connect is a client of a network whose path carries size: a handshake at what is proven, one more at 1200 where that fails, and a
// search for those that have one. It takes a second.
func (n *node) connect(i int, size uint16) {
	n.wait(time.Second)
	s := n.ask()
	clamp := n.table
	if s.MTU > 0 {
		clamp = s.MTU
	}
	begin := min(max(s.Proven, mtu.Min), clamp)
	search := s.Proven == 0 || s.Probing || n.random.IntN(16) == 0
	if begin > size {
		n.failed++
		n.add(i, mtu.Failed, begin, clamp)
		begin, search = mtu.Min, true
	}
	n.add(i, mtu.Carried, begin, clamp)
	if end := min(size, clamp, 1500); search {
		n.add(i, mtu.Discovered, max(begin, end-uint16(n.random.IntN(mtu.Precision))), clamp)
	}
	n.ask()
}

func (n *node) check(what string, lowered, proven bool, from, to uint16) {
	n.t.Helper()
	s := n.ask()
	if (s.MTU > 0) != lowered || (s.Proven > 0) != proven || s.Proven > 0 && (s.Proven < from || s.Proven > to) || s.MTU > 0 && (s.MTU < from || s.MTU > to) {
		n.t.Errorf("%s: %+v, want lowered %v, proven %v, within %d to %d", what, s, lowered, proven, from, to)
	}
}

func TestARightTableIsProvenByFewConnections(t *testing.T) {
	for _, size := range []uint16{1280, 1372, 1412, 1420, 1500, 9000} {
		n := newNode(t, size)
		n.check("unknown", false, false, 0, 0)
		for i := range 4 {
			n.connect(i, size)
		}
		n.check("4 connections", false, false, 0, 0)
		for i := range 4 {
			n.connect(i, size)
		}
		n.check("8 connections", false, true, min(size, 1500)-mtu.Precision, size)
		if n.failed > 0 {
			t.Errorf("%d handshakes failed", n.failed)
		}
	}
}

func TestAWrongTableIsCorrectedWithin20Connections(t *testing.T) {
	n := newNode(t, 1420)
	for i := range 20 {
		n.connect(i, 1300)
	}
	n.check("after 20 connections", true, true, 1300-mtu.Precision, 1300)
	if n.failed > 0 {
		t.Errorf("%d handshakes failed", n.failed)
	}
}

func TestAShrunkenPathIsNoticedAfterThreeFailures(t *testing.T) {
	for name, first := range map[string]int{"the networks that proved it": 0, "networks never seen": 500} {
		n := newNode(t, 1420)
		for i := range 60 {
			n.connect(i%40, 1420)
		}
		n.check("before", false, true, 1399, 1420)
		for i := range 20 {
			n.connect(first+i, 1300)
		}
		n.check(name, true, true, 1279, 1300)
		if n.failed > 3 {
			t.Errorf("%s: %d handshakes failed, want at most 3", name, n.failed)
		}
	}
}

func TestALargeClassNoticesAShrunkenPathAfterThreeFailures(t *testing.T) {
	n := newNode(t, 1420)
	for i := range 3000 {
		n.connect(i%256, 1420)
	}
	for i := range 30 {
		n.connect(i*7, 1300)
	}
	n.check("after", true, true, 1279, 1300)
	if n.failed > 3 {
		t.Errorf("%d handshakes failed, want at most 3", n.failed)
	}
}

func TestAHealedPathIsRaisedAfterTheWait(t *testing.T) {
	for name, tt := range map[string]struct{ table, narrow, healed uint16 }{
		"to the table":               {1420, 1300, 1420},
		"past the table":             {1420, 1300, 1500},
		"a part of the way":          {1500, 1300, 1400},
		"just above what is learned": {1420, 1380, 1420},
	} {
		n := newNode(t, tt.table)
		for i := range 20 {
			n.connect(i, tt.narrow)
		}
		lowered := n.ask()
		n.now = lowered.RaiseAt.Add(-20 * time.Second)
		for i := range 10 {
			n.connect(i, tt.healed)
		}
		n.check(name+", before the wait is over", true, true, tt.narrow-mtu.Precision, tt.narrow)
		if wait := lowered.RaiseAt.Sub(lowered.Since); wait > 10*time.Minute {
			t.Errorf("%s: waits for %s", name, wait)
		}
		n.now = lowered.RaiseAt
		if s := n.ask(); !s.Probing || s.MTU != 0 || s.Proven != lowered.Proven {
			t.Errorf("%s: when the wait is over: %+v", name, s)
		}
		for i := range 10 {
			n.connect(100+i*3, tt.healed)
		}
		end := min(tt.table, tt.healed)
		n.check(name, end+mtu.Precision < tt.table, true, end-mtu.Precision, end)
		if n.failed > 0 {
			t.Errorf("%s: %d handshakes failed", name, n.failed)
		}
	}
}

func TestAPathThatStaysNarrowIsTriedLessAndLess(t *testing.T) {
	n := newNode(t, 1420)
	var waits []time.Duration
	var since time.Time
	probing := false
	for i := range 6 * 3600 {
		n.connect(i%30, 1300)
		s := n.ask()
		if s.Probing && !probing {
			waits = append(waits, n.now.Sub(since).Round(time.Minute))
		}
		if !s.Probing && probing {
			since = n.now
		}
		if !probing && since.IsZero() && s.MTU > 0 {
			since = n.now
		}
		probing = s.Probing
	}
	for i, minutes := range []time.Duration{10, 20, 40, 80, 80} {
		if i >= len(waits) || waits[i] != minutes*time.Minute {
			t.Fatalf("waits %v, want 10, 20, 40, 80 and 80 minutes", waits)
		}
	}
	if n.failed > 0 {
		t.Errorf("%d handshakes failed", n.failed)
	}
}

func TestNoFlappingWherePartOfTheNetworksAreTunnels(t *testing.T) {
	for _, networks := range []int{30, 250, 2000} {
		for _, percent := range []int{5, 10, 15} {
			n := newNode(t, 1500)
			ups, downs, unproven := 0, 0, 0
			var last uint16
			for range 2 * 3600 {
				i := n.random.IntN(networks)
				size := uint16(1492)
				if i*100 < networks*percent {
					size = 1280
				}
				n.connect(i, size)
				switch proven := n.state.Proven; {
				case last > 0 && proven == 0:
					unproven++
				case proven > last+100:
					ups++
				case last > proven+100:
					downs++
				}
				last = n.state.Proven
			}
			// Up from nothing, down when the narrow ones are seen, and one chance that saw too few or too many of them.
			if ups > 2 || downs > 2 || unproven > 1 {
				t.Errorf("%d networks, %d %% narrow: %d times up, %d down, %d unproven, ends as %+v", networks, percent, ups, downs, unproven, n.state)
			}
			if percent == 15 && n.failed > 20 {
				t.Errorf("%d networks, %d %% narrow: %d handshakes failed", networks, percent, n.failed)
			}
		}
	}
}
