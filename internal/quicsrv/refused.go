package quicsrv

// refusedQUIC counts a refusal and returns it.
func (l *limits) refusedQUIC(err error) error { return l.count(&l.overQUIC, err) }

func (l *limits) refusedTCP(err error) error { return l.count(&l.overTCP, err) }

func (l *limits) count(of *[refusals]uint64, err error) error {
	if r, ok := err.(Refusal); ok {
		l.mu.Lock()
		of[r]++
		l.mu.Unlock()
	}
	return err
}

// Refused says how often clients were refused, by the bound that they met: over QUIC each Initial packet that begins nothing counts, of
// which a client sends some.
type Refused struct{ QUIC, TCP map[Refusal]uint64 }

// Refused returns what the server has refused since it began. Clients that were asked for a proof are not among them.
func (s *Server) Refused() Refused {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	r := Refused{QUIC: map[Refusal]uint64{}, TCP: map[Refusal]uint64{}}
	for i := range refusals {
		r.QUIC[i], r.TCP[i] = s.limits.overQUIC[i], s.limits.overTCP[i]
	}
	return r
}
