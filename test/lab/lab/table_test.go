package lab

import (
	"net/netip"
	"testing"

	"quicedge/test/lab/link"
)

// TestCorrectTableLetsNothingLargerThrough is the carrier that loses some of the packets above 1412 bytes, in the class whose row says
// so: no datagram above that size leaves, not even the probes of a class with nothing proven. Of a proven class the first datagram already
// has the size that stays: the path is settled within a round trip.
func TestCorrectTableLetsNothingLargerThrough(t *testing.T) {
	t.Parallel()
	const carries = 1412
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: guangdong, Settings: short(func(p *link.Path) { p.Large = link.Large{Size: carries, Loss: 0.013} })}}})
	n := runNode(t, l, guangdong, Node{})
	learned := n.prove(t)
	if learned.Proven > carries || learned.Proven < carries-21 || learned.MTU != 0 {
		t.Errorf("%d bytes proven, MTU lowered to %d; the path and the table have %d", learned.Proven, learned.MTU, carries)
	}
	visitors := make([]netip.Addr, 6)
	for i := range visitors {
		visitors[i] = n.client(10 + i)
	}
	seen := watchSizes(l.Link(guangdong), visitors...)
	if failed, err := together(len(visitors), func(i int) error { return n.visit(t, visitors[i]) }); failed > 0 {
		t.Error(err)
	}
	if len(seen.of()) != len(visitors) {
		t.Errorf("saw %v", seen.of())
	}
	p := n.profile(t)
	for client, s := range seen.of() {
		headers := 28
		if client.Addr().Is6() {
			headers = headers6
		}
		want := min(p.Budget, p.Proven-headers) + headers
		if s != [2]int{want, want} {
			t.Errorf("%s: the first datagram has %d bytes, the largest %d, want %d", client, s[0], s[1], want)
		}
	}
	c := l.Link(guangdong).Counters(link.Down)
	if c.OversizeFirst+c.OversizeAfter > 0 || c.Lost.ForSize() > 0 {
		t.Errorf("%d + %d datagrams above %d bytes", c.OversizeFirst, c.OversizeAfter, carries)
	}
	t.Logf("table and path %d: %d proven, connections over IPv6 begin with %d bytes of payload; %d + %d of %d datagrams above %d bytes",
		carries, p.Proven, p.Initial, c.OversizeFirst, c.OversizeAfter, c.UDP, carries)
}
