package link

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	firstOutside = 20000 // the first port that a NAT gives out
	mappingLimit = 1 << 14
)

// endpoint is a port of a client, inside or outside of the NAT.
type endpoint struct {
	addr  netip.Addr
	port  uint16
	proto uint8
}

type mapping struct {
	inside, outside uint16
	last            time.Duration // when it carried something outwards
}

// translator maps ports whatever the other end is (endpoint-independent, RFC 4787, section 4.1).
type translator struct {
	inside, outside map[endpoint]*mapping
	next            uint16 // port to give out, less firstOutside
}

func newTranslator() translator {
	return translator{inside: map[endpoint]*mapping{}, outside: map[endpoint]*mapping{}}
}

// translate rewrites the client's port of a packet. It is false where the packet has nowhere to go.
func (t *translator) translate(now time.Duration, n NAT, d Direction, p packet) bool {
	if p.ports == 0 {
		return true
	}
	at, _ := p.portsOf(d)
	e := endpoint{p.client(d), binary.BigEndian.Uint16(p.bytes[at:]), p.proto}
	if d == Down {
		m := t.alive(t.outside[e], e, now, n)
		if m == nil {
			return false
		}
		p.setPort(at, m.inside)
		return true
	}
	m := t.alive(t.inside[e], e, now, n)
	if m == nil {
		if m = t.add(e, now, n); m == nil {
			return false
		}
	}
	m.last = now
	p.setPort(at, m.outside)
	return true
}

// alive forgets a mapping whose time is over.
func (t *translator) alive(m *mapping, e endpoint, now time.Duration, n NAT) *mapping {
	if m == nil || n.Timeout == 0 || now-m.last < n.Timeout {
		return m
	}
	t.remove(m, e)
	return nil
}

func (t *translator) remove(m *mapping, e endpoint) {
	delete(t.inside, endpoint{e.addr, m.inside, e.proto})
	delete(t.outside, endpoint{e.addr, m.outside, e.proto})
}

// add gives an endpoint a port that nobody has, nil where the table is full.
func (t *translator) add(e endpoint, now time.Duration, n NAT) *mapping {
	if len(t.inside) >= mappingLimit {
		for in, m := range t.inside {
			t.alive(m, in, now, n)
		}
	}
	if len(t.inside) >= mappingLimit {
		return nil
	}
	for {
		out := endpoint{e.addr, firstOutside + t.next, e.proto}
		t.next = (t.next + 1) % (2 * mappingLimit)
		if _, taken := t.outside[out]; !taken {
			m := &mapping{inside: e.port, outside: out.port, last: now}
			t.inside[e], t.outside[out] = m, m
			return m
		}
	}
}

// forget drops every mapping and says how many there were. Ports go on where they were, so that no client gets its old one.
func (t *translator) forget() int {
	n := len(t.inside)
	clear(t.inside)
	clear(t.outside)
	return n
}
