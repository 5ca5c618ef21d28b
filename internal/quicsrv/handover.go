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

// shareDatagrams returns what the workers receive from: their sockets, where the kernel steers or where there is one only.
func shareDatagrams(cfg Config) []net.PacketConn {
	conns := make([]net.PacketConn, len(cfg.Sockets.udp))
	shared := make([]*sharing, len(conns))
	for i, udp := range cfg.Sockets.udp {
		if conns[i] = udp; cfg.IDs == nil || cfg.Steered || len(conns) == 1 {
			continue
		}
		shared[i] = &sharing{UDPConn: udp, batch: ipv4.NewPacketConn(udp), number: uint8(i), all: shared, ids: cfg.IDs}
		conns[i] = shared[i]
	}
	return conns
}

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
	all    []*sharing // by the number of the worker
	ids    IDs
	ending atomic.Bool // quic-go has set a deadline: it wants the read to end

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
	return s.UDPConn.SetReadDeadline(t)
}

// sort hands over what belongs to other workers, and moves the rest to the front of ms. It moves contents, not buffers: quic-go
// remembers which buffer is where.
func (s *sharing) sort(ms []ipv4.Message) (kept int) {
	for i := range ms {
		m := &ms[i]
		if to, ok := s.owner(m.Buffers[0][:m.N]); ok && to != s.number && int(to) < len(s.all) {
			s.all[to].hand(datagram{data: append([]byte(nil), m.Buffers[0][:m.N]...), oob: append([]byte(nil), m.OOB[:m.NN]...), from: m.Addr})
			continue
		}
		if kept != i {
			fill(&ms[kept], datagram{data: m.Buffers[0][:m.N], oob: m.OOB[:m.NN], from: m.Addr})
		}
		kept++
	}
	return kept
}

func fill(m *ipv4.Message, d datagram) {
	m.N, m.NN, m.Addr, m.Flags = copy(m.Buffers[0], d.data), copy(m.OOB, d.oob), d.from, 0
}

// owner reads the connection ID of a datagram's first packet: the others have the same (RFC 9000, section 12.2).
func (s *sharing) owner(data []byte) (worker uint8, ok bool) {
	id := destination(data, s.ids.Len())
	if id == nil {
		return 0, false
	}
	return s.ids.Worker(id)
}

// destination returns the Destination Connection ID of a packet if it has the length of ours, nil otherwise (RFC 8999, section 5).
func destination(packet []byte, length int) []byte {
	at := 1
	if len(packet) > 0 && packet[0]&0x80 != 0 { // long header: after the version, with its length
		if at = 6; len(packet) < at || int(packet[5]) != length {
			return nil
		}
	}
	if len(packet) < at+length {
		return nil
	}
	return packet[at : at+length]
}

// hand gives the worker a datagram that another has read. It wakes the worker by a deadline that has passed, as it may be waiting
// for its socket.
func (s *sharing) hand(d datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.handed) == handedRoom {
		return
	}
	s.handed = append(s.handed, d)
	if !s.woken {
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
