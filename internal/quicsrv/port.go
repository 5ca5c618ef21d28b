package quicsrv

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/net/ipv4"
)

// port is the sockets of a process on the clients' port where the kernel does not bring datagrams to their worker: workers hand to each
// other what belongs elsewhere.
//
// A process that takes over gets the same sockets, open as they are, so that no datagram is lost and none goes to where nobody reads. One
// process reads them at a time, the last; what belongs to connections of those before it sends them by ways of their own.
type port struct {
	ids     IDs
	log     *slog.Logger
	workers []*sharing     // by their number
	ways    map[uint8]*way // to the processes before, by their number
	away    atomic.Bool    // another process reads the sockets

	mu     sync.Mutex
	inbox  *net.UnixConn // from the process that reads the sockets; nil while this one does
	closed bool
}

// newPort returns nil where the kernel steers, or connection IDs name nobody.
func newPort(cfg Config) *port {
	if cfg.IDs == nil || cfg.Steered {
		return nil
	}
	p := &port{ids: cfg.IDs, log: cfg.Log, ways: map[uint8]*way{}}
	p.away.Store(cfg.Waiting)
	for process, conn := range cfg.Ways {
		p.ways[process] = &way{conn: conn}
	}
	for i, udp := range cfg.Sockets.udp {
		p.workers = append(p.workers, &sharing{UDPConn: udp, batch: ipv4.NewPacketConn(udp), number: uint8(i), port: p, wake: make(chan struct{}, 1)})
	}
	return p
}

// conns returns what the workers receive from.
func (p *port) conns(s *Sockets) []net.PacketConn {
	conns := make([]net.PacketConn, len(s.udp))
	for i, udp := range s.udp {
		if conns[i] = udp; p != nil {
			conns[i] = p.workers[i]
		}
	}
	return conns
}

// alone says that there is nobody to hand anything to.
func (p *port) alone() bool { return len(p.workers) == 1 && len(p.ways) == 0 }

// place reads the connection ID of a datagram's first packet: the others have the same (RFC 9000, section 12.2).
func (p *port) place(data []byte) (process, worker uint8, ok bool) {
	id := destination(data, p.ids.Len())
	if id == nil {
		return 0, 0, false
	}
	return p.ids.Place(id)
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

// hand gives a worker of this process a datagram; ok is false where there is no such worker.
func (p *port) hand(worker uint8, d datagram) (ok bool) {
	if int(worker) >= len(p.workers) {
		return false
	}
	p.workers[worker].hand(d)
	return true
}

// relay sends a datagram to another process; ok is false where that has ended.
func (p *port) relay(process uint8, d datagram, buf *[]byte) (ok bool) {
	w := p.ways[process]
	return w != nil && w.send(d, buf)
}

// leave stops reading the sockets, and takes from inbox what is for this process, until that ends: nobody else reads the sockets then.
func (p *port) leave(inbox *net.UnixConn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.inbox != nil {
		return errors.Join(errors.New("leave the sockets to another process: one has them, or the server is closed"), inbox.Close())
	}
	p.inbox = inbox
	for _, w := range p.workers {
		w.mu.Lock()
	}
	for _, w := range p.workers {
		w.interrupt()
	}
	p.away.Store(true)
	for _, w := range p.workers {
		w.mu.Unlock()
	}
	go p.receive(inbox)
	return nil
}

// receive hands out what another process has read for this one.
func (p *port) receive(inbox *net.UnixConn) {
	buf := make([]byte, maxRelayed)
	for {
		n, err := inbox.Read(buf)
		if err != nil || n == 0 {
			p.back(inbox)
			return
		}
		d, err := decodeRelayed(buf[:n])
		if err != nil {
			p.log.Warn("a datagram from the process that has taken over is lost: is it of another version?", "error", err)
			continue
		}
		if process, worker, ok := p.place(d.data); ok && process == p.ids.Process() {
			p.hand(worker, datagram{append([]byte(nil), d.data...), append([]byte(nil), d.oob...), d.from})
		}
	}
}

// back reads the sockets again.
func (p *port) back(inbox *net.UnixConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.inbox != inbox {
		return
	}
	p.inbox = nil
	inbox.Close()
	p.read()
	p.log.Warn("this process reads the clients' datagrams again: the one that was to do so has ended")
}

// read begins to read the sockets.
func (p *port) read() {
	p.away.Store(false)
	for _, w := range p.workers {
		w.mu.Lock()
		w.interrupt()
		w.mu.Unlock()
	}
}

// close ends what others send. The sockets are closed by their owner.
func (p *port) close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var err error
	if p.inbox != nil {
		err = p.inbox.Close()
		p.inbox = nil
	}
	for _, w := range p.ways {
		err = errors.Join(err, ignoreClosed(w.conn.Close()))
	}
	return err
}

// errSteered says that the kernel brings each process its own datagrams.
var errSteered = errors.New("the sockets are this process's own")

// Read begins to read the sockets of a server that was Waiting.
func (s *Server) Read() {
	if s.shared != nil {
		s.shared.read()
	}
}

// Leave stops reading the sockets, which another process reads from now on, and takes from inbox what that sends here by the other end,
// one of its Ways. Where the other end closes, this process reads the sockets again. Only where the kernel does not steer.
func (s *Server) Leave(inbox *net.UnixConn) error {
	if s.shared == nil {
		return errors.Join(errSteered, inbox.Close())
	}
	return s.shared.leave(inbox)
}

// Ways returns the ways to processes before this one that live, by their number.
func (s *Server) Ways() map[uint8]*net.UnixConn {
	living := map[uint8]*net.UnixConn{}
	if s.shared == nil {
		return living
	}
	for process, w := range s.shared.ways {
		if w.lives() {
			living[process] = w.conn
		}
	}
	return living
}
