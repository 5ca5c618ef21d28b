package link

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// out sends a packet from a client and returns the port that the edge sees.
func (l lab) out(t *testing.T, now time.Duration, packet []byte) uint16 {
	t.Helper()
	l.send(now, Up, packet)
	got := l.collect(Up, never)
	if len(got) != 1 {
		t.Fatalf("%d packets came out", len(got))
	}
	return source(read(t, got[0].bytes))
}

func source(p gopacket.Packet) uint16 {
	if udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP); ok {
		return uint16(udp.SrcPort)
	}
	return uint16(p.Layer(layers.LayerTypeTCP).(*layers.TCP).SrcPort)
}

// in sends a packet to a client and returns the port that it arrives at, 0 where it is lost.
func (l lab) in(t *testing.T, now time.Duration, packet []byte) uint16 {
	t.Helper()
	l.send(now, Down, packet)
	got := l.collect(Down, never)
	if len(got) == 0 {
		return 0
	}
	p := read(t, got[0].bytes)
	if udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP); ok {
		return uint16(udp.DstPort)
	}
	return uint16(p.Layer(layers.LayerTypeTCP).(*layers.TCP).DstPort)
}

func TestNATMapsPortsBothWays(t *testing.T) {
	for name, make := range map[string]func(testing.TB, netip.AddrPort, netip.AddrPort, int) []byte{"udp": datagram, "tcp": segment} {
		for _, a := range []struct{ client, edge netip.Addr }{{client4, edge4}, {client6, edge6}} {
			l := newLab(t, 1, Settings{NAT: NAT{On: true}})
			first := l.out(t, 0, make(t, port(a.client, 5000), port(a.edge, 443), 101))
			if first == 5000 || l.out(t, 1, make(t, port(a.client, 5000), port(a.edge, 444), 100)) != first {
				t.Errorf("%s: a client's port has two outside", name)
			}
			if other := l.out(t, 2, make(t, port(a.client, 5001), port(a.edge, 443), 100)); other == first {
				t.Errorf("%s: two ports of a client have one outside", name)
			}
			if got := l.in(t, time.Hour, make(t, port(a.edge, 443), port(a.client, first), 100)); got != 5000 {
				t.Errorf("%s: the answer came to port %d", name, got)
			}
			if got := l.in(t, 3, make(t, port(a.edge, 443), port(a.client, 5000), 100)); got != 0 || l.Counters(Down).Lost[NoPort] != 1 {
				t.Errorf("%s: a packet to the inside port arrived at %d", name, got)
			}
		}
	}
}

func TestNATForgetsWhatIsSilent(t *testing.T) {
	l := newLab(t, 1, Settings{NAT: NAT{On: true, Timeout: 30 * time.Second}})
	hello := datagram(t, port(client4, 5000), port(edge4, 443), 100)
	first := l.out(t, 0, hello)
	answer := datagram(t, port(edge4, 443), port(client4, first), 100)
	if again := l.out(t, 29*time.Second, hello); again != first {
		t.Errorf("port %d, then %d within the timeout", first, again)
	}
	if got := l.in(t, 58*time.Second, answer); got != 5000 {
		t.Errorf("29 s after it sent, the client was reached at %d", got)
	}
	if got := l.in(t, 59*time.Second, answer); got != 0 {
		t.Errorf("30 s after it sent, the client was reached at %d: what comes in keeps no mapping", got)
	}
	second := l.out(t, 60*time.Second, hello)
	if second == first {
		t.Error("the forgotten port was given again")
	}
	if l.in(t, 61*time.Second, answer) != 0 || l.in(t, 61*time.Second, datagram(t, port(edge4, 443), port(client4, second), 100)) != 5000 {
		t.Error("the old port is open, or the new one closed")
	}
}

func TestRebindGivesEveryClientAnotherPort(t *testing.T) {
	l := newLab(t, 1, Settings{NAT: NAT{On: true}})
	hello := datagram(t, port(client4, 5000), port(edge4, 443), 100)
	first := l.out(t, 0, hello)
	if n := l.Rebind(); n != 1 {
		t.Errorf("%d mappings forgotten", n)
	}
	if got := l.in(t, 1, datagram(t, port(edge4, 443), port(client4, first), 100)); got != 0 {
		t.Errorf("the old port leads to %d", got)
	}
	if second := l.out(t, 2, hello); second == first {
		t.Error("the client kept its port")
	}
}

func TestNATIsBounded(t *testing.T) {
	l := newLab(t, 1, Settings{NAT: NAT{On: true, Timeout: time.Second}})
	for i := range mappingLimit + 5 {
		l.send(0, Up, datagram(t, port(client4, uint16(i)), port(edge4, 443), 28))
	}
	if c := l.Counters(Up); c.Lost[NoPort] != 5 {
		t.Errorf("%+v", c)
	}
	l.send(2*time.Second, Up, datagram(t, port(client4, 60000), port(edge4, 443), 28))
	if c := l.Counters(Up); c.Lost[NoPort] != 5 {
		t.Error("mappings whose time is over hold the table")
	}
}
