package quicsrv

import (
	"slices"

	"quicedge/internal/path"
)

// searchGap is how close quic-go's path MTU discovery comes to the largest datagram that passes, in bytes. It takes a size for one
// that does not pass when three probes of that size or less were lost.
const searchGap = 21

// search follows the path MTU discovery of a connection. quic-go tells which probes passed and which were lost, but not that a
// search has ended whose last probe was lost: so its bounds are kept here as it keeps them.
type search struct {
	passed  int   // largest datagram that was acknowledged, in bytes of UDP payload
	refused []int // the smallest of the lost ones above it, ascending, at most three; and the ceiling while there is room
	limit   int   // the ceiling: the largest datagram that the client or quic-go takes
	over    bool  // the result was told
}

func newSearch(start uint16, limit int) *search {
	return &search{passed: int(start), refused: []int{limit}, limit: limit}
}

// acked says that a probe passed, and reports whether that ends the search.
func (s *search) acked(size int, done bool) bool {
	s.passed = max(s.passed, size)
	s.refused = slices.DeleteFunc(s.refused, func(lost int) bool { return lost <= size })
	return s.ends(done)
}

// lost says that a probe was lost, and reports whether that ends the search.
func (s *search) lost(size int) bool {
	at, _ := slices.BinarySearch(s.refused, size)
	s.refused = slices.Insert(s.refused, at, size)
	s.refused = s.refused[:min(len(s.refused), 3)]
	return s.ends(false)
}

func (s *search) ends(done bool) bool {
	if s.over || !done && s.refused[len(s.refused)-1]-s.passed > searchGap {
		return false
	}
	s.over = true
	return true
}

// refuses reports whether the path was found to refuse datagrams of a size: three up to that size were lost. One that was lost
// alone may have been lost by chance, and the ceiling is none of the path.
func (s *search) refuses(size uint16) bool {
	return len(s.refused) == 3 && s.refused[2] <= int(size) && s.refused[2] < s.limit
}

// reset begins again on another path.
func (s *search) reset(start uint16) { *s = *newSearch(start, s.limit) }

// ceiling takes a client's max_udp_payload_size (RFC 9000, section 18.2), before the first probe.
func (s *search) ceiling(most int) {
	if most > 0 {
		s.limit = min(most, path.MaxInitial)
		s.refused = []int{s.limit}
	}
}
