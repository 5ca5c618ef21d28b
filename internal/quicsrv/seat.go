package quicsrv

import (
	"net/netip"
	"sync"
)

// seat is a connection's place among those that are counted. It is taken once at most, and not after it was left: the end of a connection
// and that of its handshake come from different goroutines.
type seat struct {
	limits *limits
	prefix netip.Prefix

	mu          sync.Mutex
	taken, left bool
}

// begin counts the handshake of a client with a valid token, and its connection, or returns why it is refused.
func (s *seat) begin() error {
	err := s.limits.begin(s.prefix)
	if err == nil {
		err = s.take()
	}
	return s.limits.refusedQUIC(err)
}

// take counts the connection, or returns why there is no room for it.
func (s *seat) take() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken || s.left {
		return nil
	}
	if err := s.limits.enter(s.prefix); err != nil {
		return err
	}
	s.taken = true
	return nil
}

func (s *seat) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken && !s.left {
		s.limits.leave(s.prefix)
	}
	s.left = true
}
