package quicsrv

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

// handedRoom bounds the datagrams that wait for a worker, like a socket buffer: about as many as a client has under way at once.
const handedRoom = 512

// sharing is a worker's socket where the kernel chooses sockets by addresses and ports. The client of a connection may get another
// address at any time (RFC 9000, section 9): its datagrams come to another worker from then on, which hands them to the one that the
// connection ID names. What a worker reads for itself is not copied.
//
// quic-go reads from it in batches, with ECN and the local address, as from a *net.UDPConn, whose other methods it has.
type sharing struct {
	*net.UDPConn
	batch  *ipv4.PacketConn
	number uint8
	port   *port
	out    []byte        // what goes to another process, one at a time
	wake   chan struct{} // while another process reads the socket; holds one
	ending atomic.Bool   // quic-go has set a deadline: it wants the read to end

	mu     sync.Mutex
	handed []datagram
	woken  bool // a deadline is set for what was handed
}

// datagram is what one worker hands to another.
type datagram struct {
	data, oob []byte
	from      net.Addr
}

// ReadBatch reads at least one datagram of this worker's connections, or of a connection that may begin here. No deadline of its own
// making gets out: quic-go takes what is in its buffers for a datagram when it tries again.
func (s *sharing) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	for {
		if n := s.take(ms); n > 0 {
			return n, nil
		}
		if s.ending.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		if s.port.away.Load() {
			<-s.wake
			continue
		}
		n, err := s.batch.ReadBatch(ms, flags)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n = s.sort(ms[:n]); n > 0 {
			return n, nil
		}
	}
}

// SetReadDeadline implements net.PacketConn. quic-go calls it only to end the read.
func (s *sharing) SetReadDeadline(t time.Time) error {
	s.ending.Store(!t.IsZero())
	s.awake()
	return s.UDPConn.SetReadDeadline(t)
}

func (s *sharing) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sort hands over what belongs to other workers and processes, and moves the rest to the front of ms. It moves contents, not buffers:
// quic-go remembers which buffer is where.
func (s *sharing) sort(ms []ipv4.Message) (kept int) {
	if s.port.alone() {
		return len(ms)
	}
	for i := range ms {
		m := &ms[i]
		if s.goesElsewhere(datagram{data: m.Buffers[0][:m.N], oob: m.OOB[:m.NN], from: m.Addr}) {
			continue
		}
		if kept != i {
			fill(&ms[kept], datagram{data: m.Buffers[0][:m.N], oob: m.OOB[:m.NN], from: m.Addr})
		}
		kept++
	}
	return kept
}

// goesElsewhere hands a datagram over where it is another's. What is of a process that has ended stays here, to be reset.
func (s *sharing) goesElsewhere(d datagram) bool {
	process, worker, ok := s.port.place(d.data)
	switch {
	case !ok:
		return false
	case process != s.port.ids.Process():
		return s.port.relay(process, d, &s.out)
	case worker == s.number:
		return false
	}
	return s.port.hand(worker, datagram{append([]byte(nil), d.data...), append([]byte(nil), d.oob...), d.from})
}

func fill(m *ipv4.Message, d datagram) {
	m.N, m.NN, m.Addr, m.Flags = copy(m.Buffers[0], d.data), copy(m.OOB, d.oob), d.from, 0
}

// hand gives the worker a datagram that another has read.
func (s *sharing) hand(d datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.handed) == handedRoom {
		return
	}
	s.handed = append(s.handed, d)
	s.interrupt()
}

// interrupt wakes the worker, from its socket by a deadline that has passed. The caller holds mu.
func (s *sharing) interrupt() {
	s.awake()
	if !s.woken && !s.port.away.Load() {
		s.woken = s.UDPConn.SetReadDeadline(time.Unix(1, 0)) == nil // fails where the worker has ended
	}
}

// take fills ms with what was handed over.
func (s *sharing) take(ms []ipv4.Message) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.woken && !s.ending.Load() {
		s.woken = s.UDPConn.SetReadDeadline(time.Time{}) != nil
	}
	for n < min(len(ms), len(s.handed)) {
		fill(&ms[n], s.handed[n])
		n++
	}
	s.handed = s.handed[n:]
	return n
}
