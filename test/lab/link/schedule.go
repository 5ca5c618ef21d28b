package link

import "time"

// event is a packet that arrives at a point in time.
type event struct {
	at    time.Duration
	order uint64 // of those of one point in time
	back  bool   // goes to where the packet came from: an ICMP error
	bytes []byte
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.order < o.order }

// schedule is a heap of packets by their time of arrival.
type schedule []event

func (s *schedule) push(e event) {
	h := append(*s, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	*s = h
}

// pop takes the earliest; there must be one.
func (s *schedule) pop() event {
	h := *s
	first, last := h[0], h[len(h)-1]
	h[len(h)-1] = event{}
	h = h[:len(h)-1]
	for i := 0; len(h) > 0; {
		down := 2*i + 1
		if down+1 < len(h) && h[down+1].before(h[down]) {
			down++
		}
		if down >= len(h) || !h[down].before(last) {
			h[i] = last
			break
		}
		h[i] = h[down]
		i = down
	}
	*s = h
	return first
}
