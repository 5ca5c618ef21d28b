package link

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const flowLimit = 1 << 16 // connections whose oversized datagrams are told apart

// Link joins the clients of one class to the edge. It is safe for concurrent use.
type Link struct {
	name string

	mu       sync.Mutex
	settings Settings
	sides    [directions]side
	nat      translator
	watch    func(Direction, netip.AddrPort, int)
}

// side is the state of one direction.
type side struct {
	luck
	counters Counters
	busy     time.Duration // when the queue will be empty
	last     time.Duration // when the newest packet arrives
	oversize map[flow]struct{}
}

// flow is a connection as the link sees it.
type flow struct {
	client       netip.Addr
	port, server uint16
}

func newLink(seed uint64, name string, s Settings) *Link {
	l := &Link{name: name, settings: s, nat: newTranslator()}
	for d := range directions {
		l.sides[d] = side{luck: luck{generator: newGenerator(seed, name, d)}, oversize: map[flow]struct{}{}}
	}
	return l
}

// Name returns what the link is called.
func (l *Link) Name() string { return l.name }

// Settings returns what the link does now.
func (l *Link) Settings() Settings {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settings
}

// Change changes what the link does to packets that come from now on. Those on their way arrive as they were to.
func (l *Link) Change(f func(*Settings)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.settings
	f(&s)
	if err := s.Check(); err != nil {
		return err
	}
	l.settings = s
	return nil
}

// Rebind makes the NAT forget its mappings, as one that restarts does, and returns how many there were: each client gets another
// port with its next packet.
func (l *Link) Rebind() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nat.forget()
}

// Watch calls f for each UDP datagram that is offered from now on, lost or not, with the client's end as the edge sees it and the bytes
// of the IP packet. It must be quick and must not call the link.
func (l *Link) Watch(f func(d Direction, client netip.AddrPort, size int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch = f
}

// Counters returns what was counted in a direction.
func (l *Link) Counters(d Direction) Counters {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sides[d].counters
}

// outcome is what becomes of a packet.
type outcome struct {
	lost Reason
	at   time.Duration // when it arrives, or the sender is told
	tell int           // MTU that the sender is told, 0 for nothing
}

// offer decides on a packet. The client's port may have been rewritten in it, if it is not lost.
func (l *Link) offer(now time.Duration, d Direction, p packet) outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, path := &l.sides[d], l.settings.path(d)
	s.count(d, path, p)
	if l.watch != nil && p.proto == unix.IPPROTO_UDP && p.ports > 0 {
		at, _ := p.portsOf(d)
		l.watch(d, netip.AddrPortFrom(p.client(d), binary.BigEndian.Uint16(p.bytes[at:])), len(p.bytes))
	}
	number, lost := s.next(path, len(p.bytes))
	o := outcome{lost: lost}
	switch {
	case path.MTU > 0 && len(p.bytes) > path.MTU:
		o.lost = MTU // whatever chance says
		if path.ICMP {
			o.tell, o.at = path.MTU, now+l.settings.Up.Delay+l.settings.Down.Delay
		}
	case o.lost != None:
	case l.settings.NAT.On && !l.nat.translate(now, l.settings.NAT, d, p):
		o.lost = NoPort
	default:
		o = s.queue(now, path, len(p.bytes), number)
	}
	if o.lost == None {
		s.counters.Carried++
	} else {
		s.counters.Lost[o.lost]++
	}
	return o
}

func (s Settings) path(d Direction) Path {
	if d == Up {
		return s.Up
	}
	return s.Down
}

// queue says when a packet arrives behind those before it.
func (s *side) queue(now time.Duration, p Path, size int, number uint64) outcome {
	leaves := now
	if p.Rate > 0 {
		begins := max(now, s.busy)
		if waiting := int64(begins-now) * p.Rate / int64(8*time.Second); int(waiting)+size > p.queue() {
			return outcome{lost: Queue}
		}
		leaves = begins + time.Duration(int64(size)*int64(8*time.Second)/p.Rate)
		s.busy = leaves
	}
	at := leaves + p.Delay + time.Duration(s.draw(number, drawJitter)*float64(p.Jitter))
	s.last = max(s.last, at)
	return outcome{at: s.last}
}

func (s *side) count(d Direction, path Path, p packet) {
	c := &s.counters
	c.Packets++
	c.Bytes += uint64(len(p.bytes))
	switch p.proto {
	case unix.IPPROTO_TCP:
		c.TCP++
	case unix.IPPROTO_UDP:
		c.UDP++
		if most := path.Carries(); most > 0 && len(p.bytes) > most && p.ports > 0 {
			s.countOversize(d, p)
		}
	}
}

func (s *side) countOversize(d Direction, p packet) {
	client, server := p.portsOf(d)
	f := flow{p.client(d), binary.BigEndian.Uint16(p.bytes[client:]), binary.BigEndian.Uint16(p.bytes[server:])}
	if _, known := s.oversize[f]; known {
		s.counters.OversizeAfter++
		return
	}
	if len(s.oversize) >= flowLimit {
		clear(s.oversize)
	}
	s.oversize[f] = struct{}{}
	s.counters.OversizeFirst++
}

// overflowed takes back that a packet has passed.
func (l *Link) overflowed(d Direction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.sides[d].counters
	c.Carried--
	c.Lost[Overflow]++
}

func (l *Link) told(d Direction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sides[d].counters.Told++
}
