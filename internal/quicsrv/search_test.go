package quicsrv

import (
	"slices"
	"testing"

	"quicedge/internal/path"
)

// discover plays quic-go's search on a path that takes datagrams up to most and returns the sizes probed.
func discover(t *testing.T, s *search, most int, unlucky ...int) (probes []int) {
	t.Helper()
	lastLost := false
	for !s.over {
		size := (s.passed + s.refused[len(s.refused)-1]) / 2
		if lastLost {
			size = (s.passed + s.refused[0]) / 2
		}
		probes = append(probes, size)
		if len(probes) > 2*mostProbes {
			t.Fatalf("no end: %v", probes)
		}
		lastLost = size > most || slices.Contains(unlucky, len(probes))
		if lastLost {
			s.lost(size)
		} else {
			s.acked(size, false)
		}
	}
	return probes
}

func TestSearchEndsWhereThePathDoes(t *testing.T) {
	for most := path.MinInitial; most <= path.MaxInitial+100; most++ {
		s := newSearch(path.MinInitial, path.MaxInitial)
		probes := discover(t, s, most)
		if s.passed > most || s.passed < min(most, path.MaxInitial)-searchGap {
			t.Fatalf("a path of %d: found %d by %v", most, s.passed, probes)
		}
		lost := len(slices.DeleteFunc(probes, func(p int) bool { return p <= most }))
		if lost > mostProbes {
			t.Errorf("a path of %d: %d probes lost", most, lost)
		}
		if s.refuses(uint16(most)) {
			t.Errorf("a path of %d is said to refuse that", most)
		}
		if far := uint16(most + 3*searchGap); most+3*searchGap < path.MaxInitial && !s.refuses(far) {
			t.Errorf("a path of %d is not said to refuse %d", most, far)
		}
	}
}

func TestProbeLostByChanceRefusesNothing(t *testing.T) {
	for unlucky := 1; unlucky < 8; unlucky++ {
		s := newSearch(path.MinInitial, path.MaxInitial)
		discover(t, s, path.MaxInitial, unlucky)
		if s.refuses(path.MaxInitial) || s.passed < path.MaxInitial-2*searchGap {
			t.Errorf("probe %d lost: %d found, refused %v", unlucky, s.passed, s.refused)
		}
	}
}

// What a client is not willing to take says nothing of its path.
func TestCeilingOfTheClientIsNoneOfThePath(t *testing.T) {
	for _, most := range []int{1220, 1250, 1350, 1452, 1472, 65527} {
		s := newSearch(path.MinInitial, path.MaxInitial)
		s.ceiling(most)
		discover(t, s, path.MaxInitial)
		if s.refuses(path.MaxInitial) || s.passed > min(most, path.MaxInitial) {
			t.Errorf("a client that takes %d: %d found, refused %v", most, s.passed, s.refused)
		}
	}
}

func TestSearchBeginsAgainOnANewPath(t *testing.T) {
	s := newSearch(path.MinInitial, path.MaxInitial)
	s.ceiling(1400)
	discover(t, s, 1300)
	s.reset(path.MinInitial)
	if discover(t, s, 2000); s.passed < 1400-searchGap || s.passed > 1400 {
		t.Errorf("found %d", s.passed)
	}
	if s.acked(1399, true) {
		t.Error("one result is told twice")
	}
}
