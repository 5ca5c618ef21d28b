package dataplane

import (
	"bytes"
	"slices"
	"testing"

	"quicedge/bpf"
	"quicedge/internal/class"
)

const (
	next     = bpf.DataplaneVerdictVERDICT_NEXT
	drop     = bpf.DataplaneVerdictVERDICT_DROP
	redirect = bpf.DataplaneVerdictVERDICT_REDIRECT
)

// verdictCase is a frame, and what must become of it. bytes are the frame's from the IP header on where 0.
type verdictCase struct {
	name     string
	frame    []byte
	gso      gso
	verdict  bpf.DataplaneVerdict
	reason   string
	class    class.ID
	packets  uint64 // 1 where 0
	bytes    uint64
	out      []byte // the frame afterwards, of one that goes on or is turned round; where nil, as it was
	initials uint64
	retries  uint64
}

// check runs the case on a device with as many bytes before the IP header, 14 or none.
func (c verdictCase) check(t *testing.T, b *bench, hook string) {
	t.Helper()
	b.reset(t)
	verdict, out := b.run(t, hook, c.frame, c.gso)
	if verdict != c.verdict {
		t.Errorf("verdict %d, want %d", verdict, c.verdict)
	}
	c.checkCounters(t, b, hook)
	if c.out == nil && verdict == next {
		c.out = c.frame
	}
	if c.out != nil && !bytes.Equal(out, c.out) {
		t.Errorf("the frame came out as\n%x, want\n%x", out, c.out)
	}
}

func (c verdictCase) checkCounters(t *testing.T, b *bench, hook string) {
	t.Helper()
	want := ReasonStats{Class: c.class, Hook: hook, Reason: c.reason, Packets: max(c.packets, 1), Bytes: c.bytes}
	if want.Bytes == 0 {
		want.Bytes = uint64(len(c.frame) - b.link)
	}
	s, err := b.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Reasons, []ReasonStats{want}) {
		t.Errorf("counted %v, want only %v", s.Reasons, want)
	}
	var initials, retries uint64
	for _, cs := range s.Classes {
		initials, retries = initials+cs.Initials, retries+cs.Retries
	}
	if initials != c.initials || retries != c.retries {
		t.Errorf("counted %d initials and %d retries, want %d and %d", initials, retries, c.initials, c.retries)
	}
}

// foreign are frames that are no QUIC server's, at either hook.
func foreign() []verdictCase {
	tcp := segment(80, 8080, tcpSYN, []byte{2, 4, 5, 180}, nil)
	both := udp(443, 443, 100)
	in4 := v4{src: harbin4, dst: harbin4, proto: protoUDP, payload: both}
	in6 := v6{src: harbin6, dst: harbin6, next: protoUDP, payload: both}
	with4 := func(f func(*v4)) []byte { p := in4; f(&p); return p.frame() }
	with6 := func(next byte, payload []byte) []byte { p := in6; p.next, p.payload = next, payload; return p.frame() }
	chain := both
	for range 7 {
		chain = ext(60, 8, chain)
	}
	cases := []verdictCase{
		{name: "arp", frame: ether(0x0806, make([]byte, 28)), reason: "not-ip"},
		{name: "lldp", frame: ether(0x88cc, make([]byte, 46)), reason: "not-ip"},
		{name: "other tcp port over ipv4", frame: with4(func(p *v4) { p.proto, p.payload = protoTCP, tcp }), reason: "foreign-port"},
		{name: "other tcp port over ipv6", frame: with6(protoTCP, tcp), reason: "foreign-port"},
		{name: "other tcp port behind an extension header", frame: with6(60, ext(protoTCP, 8, tcp)), reason: "foreign-port"},
		{name: "later fragment of tcp", frame: with4(func(p *v4) { p.proto, p.frag = protoTCP, 0x00b9 }), reason: "fragment"},
		{name: "sctp", frame: with4(func(p *v4) { p.proto = 132 }), reason: "not-udp"},
		{name: "icmp", frame: with4(func(p *v4) { p.proto = 1 }), reason: "not-udp"},
		{name: "icmpv6 behind hop-by-hop", frame: with6(0, ext(58, 8, both)), reason: "not-udp"},
		{name: "esp", frame: with6(50, both), reason: "not-udp"},
		{name: "no next header", frame: with6(59, nil), reason: "not-udp"},
		{name: "later fragment of ipv4", frame: with4(func(p *v4) { p.frag = 0x00b9 }), reason: "fragment"},
		{name: "last fragment of ipv4", frame: with4(func(p *v4) { p.frag = 0x1fff }), reason: "fragment"},
		{name: "later fragment of ipv6", frame: with6(44, fragment(protoUDP, 1480, both)), reason: "fragment"},
		{name: "other udp port over ipv4", frame: with4(func(p *v4) { p.payload = udp(53, 53, 40) }), reason: "foreign-port"},
		{name: "other udp port over ipv6", frame: with6(protoUDP, udp(53, 53, 40)), reason: "foreign-port"},
		{name: "neighbour of a server's port", frame: with4(func(p *v4) { p.payload = udp(444, 442, 40) }), reason: "foreign-port"},
		{name: "udp port 0", frame: with4(func(p *v4) { p.payload = udp(0, 0, 40) }), reason: "foreign-port"},
		{name: "udp port 65535", frame: with4(func(p *v4) { p.payload = udp(65535, 65535, 40) }), reason: "foreign-port"},
		{name: "ipv4 header too short", frame: poke(in4.frame(), 14, 0x44), reason: "bad-header"},
		{name: "ipv4 of version 5", frame: poke(in4.frame(), 14, 0x55), reason: "bad-header"},
		{name: "ipv6 of version 4", frame: poke(in6.frame(), 14, 0x40), reason: "bad-header"},
		{name: "seven extension headers", frame: with6(60, chain), reason: "ext-headers"},
		{name: "extension header longer than the packet", frame: poke(with6(60, ext(protoUDP, 8, both)), 55, 255), reason: "truncated"},
		{name: "ipv4 options longer than the packet", frame: poke(with4(func(p *v4) { p.payload = udp(443, 443, 0) }), 14, 0x4f), reason: "truncated"},
	}
	for i := range cases {
		cases[i].verdict = next
	}
	return cases
}

func TestForeignPacketsGoOnUnchanged(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	for _, hook := range []string{"ingress", "egress"} {
		for _, c := range foreign() {
			t.Run(hook+"/"+c.name, func(t *testing.T) { c.check(t, b, hook) })
		}
	}
}

func TestIngressClassesTheSource(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	server := func(payload []byte) v4 { return v4{src: harbin4, dst: server4, proto: protoUDP, payload: payload} }
	options := server(udp(5555, 443, 1200))
	options.options = make([]byte, 40)
	first := server(udp(5555, 443, 1200))
	first.frag = 0x2000
	in6 := v6{src: harbin6, dst: server6}
	with6 := func(next byte, payload []byte) []byte { p := in6; p.next, p.payload = next, payload; return p.frame() }
	six := udp(5555, 443, 1200)
	for range 6 {
		six = ext(60, 16, six)
	}
	copy(six[5*16:], []byte{protoUDP})
	for _, c := range []verdictCase{
		{name: "ipv4", frame: fromClient(harbin4, 1228), class: heilongjiang},
		{name: "ipv6", frame: fromClient(harbin6, 1248), class: heilongjiang},
		{name: "unknown ipv4", frame: fromClient(stranger4, 1228)},
		{name: "unknown ipv6", frame: fromClient(strange, 1248)},
				{name: "second port", frame: server(udp(1, 8443, 21)).frame(), class: heilongjiang},
		{name: "larger than the mtu comes in all the same", frame: fromClient(harbin4, 1500), class: heilongjiang},
		{name: "ipv4 with 40 bytes of options", frame: options.frame(), class: heilongjiang},
		{name: "first fragment of ipv4", frame: first.frame(), class: heilongjiang},
		{name: "first fragment of ipv6", frame: with6(44, fragment(protoUDP, 0, udp(5555, 443, 1200))), class: heilongjiang},
		{name: "hop-by-hop", frame: with6(0, ext(protoUDP, 8, udp(5555, 443, 1200))), class: heilongjiang},
		{name: "routing, long", frame: with6(43, ext(protoUDP, 2048, udp(5555, 443, 1200))), class: heilongjiang},
		{name: "authentication header", frame: with6(51, authentication(protoUDP, udp(5555, 443, 1200))), class: heilongjiang},
		{name: "six extension headers", frame: with6(60, six), class: heilongjiang},
		{name: "gro super-packet", frame: fromClient(harbin4, 28+3000), gso: gso{1000, 3}, class: heilongjiang, packets: 3, bytes: 3 * 1028},
	} {
		c.verdict, c.reason = next, "pass"
		t.Run(c.name, func(t *testing.T) { c.check(t, b, "ingress") })
	}
}

// authentication is an AH of 24 bytes, whose length field counts words of four, less two (RFC 4302).
func authentication(next byte, more []byte) []byte {
	h := make([]byte, 24)
	h[0], h[1] = next, 4
	return append(h, more...)
}

func TestEgressClampsByTheDestination(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	options := v4{src: server4, dst: harbin4, proto: protoUDP, options: make([]byte, 40), payload: udp(443, 5555, 1372-60-8)}
	optionsOver := options
	optionsOver.payload = udp(443, 5555, 1372-60-8+1)
	ext6 := func(size, header int) []byte {
		return v6{src: server6, dst: harbin6, next: 60, payload: ext(protoUDP, header, udp(443, 5555, size-40-header-8))}.frame()
	}
	for _, c := range []verdictCase{
		{name: "ipv4 at the mtu", frame: toClient(harbin4, 1372), verdict: next, reason: "pass", class: heilongjiang},
		{name: "ipv4 one over", frame: toClient(harbin4, 1373), verdict: redirect, reason: "clamped", class: heilongjiang},
		{name: "ipv6 at the mtu", frame: toClient(harbin6, 1372), verdict: next, reason: "pass", class: heilongjiang},
		{name: "ipv6 one over", frame: toClient(harbin6, 1373), verdict: redirect, reason: "clamped", class: heilongjiang},
		{name: "least mtu, ipv4 at it", frame: toClient(gansu4, 1248), verdict: next, reason: "pass", class: gansu},
		{name: "least mtu, ipv4 one over", frame: toClient(gansu4, 1249), verdict: redirect, reason: "clamped", class: gansu},
		{name: "least mtu, ipv6 at it", frame: toClient(gansu6, 1248), verdict: next, reason: "pass", class: gansu},
		{name: "least mtu, ipv6 one over", frame: toClient(gansu6, 1249), verdict: redirect, reason: "clamped", class: gansu},
		{name: "options at the mtu", frame: options.frame(), verdict: next, reason: "pass", class: heilongjiang},
		{name: "options one over", frame: optionsOver.frame(), verdict: redirect, reason: "clamped", class: heilongjiang},
		{name: "extension header at the mtu", frame: ext6(1372, 16), verdict: next, reason: "pass", class: heilongjiang},
		{name: "extension header one over", frame: ext6(1373, 16), verdict: redirect, reason: "clamped", class: heilongjiang},
		{name: "headers too long to quote", frame: ext6(1400, 128), verdict: drop, reason: "clamped-silent", class: heilongjiang},
		{name: "class 0 at its mtu", frame: toClient(stranger4, 1500), verdict: next, reason: "pass"},
		{name: "class 0 one over", frame: toClient(stranger4, 1501), verdict: redirect, reason: "clamped"},
		{name: "no profile, no limit", frame: toClient(unclamped4, 3000), verdict: next, reason: "pass", class: yunnan},
		{name: "client's port is no server's", frame: fromClient(harbin4, 1500), verdict: next, reason: "foreign-port"},
		{
			name: "gso within the mtu", frame: toClient(harbin4, 28+3000), gso: gso{1344, 3}, verdict: next, reason: "pass",
			class: heilongjiang, packets: 3, bytes: 3000 + 3*28,
		},
		{
			name: "gso one over", frame: toClient(harbin4, 28+3000), gso: gso{1345, 3}, verdict: redirect, reason: "clamped",
			class: heilongjiang, packets: 3, bytes: 3000 + 3*28,
		},
		{
			name: "gso over ipv6 within", frame: toClient(harbin6, 48+3000), gso: gso{1324, 3}, verdict: next, reason: "pass",
			class: heilongjiang, packets: 3, bytes: 3000 + 3*48,
		},
		{
			name: "gso over ipv6 one over", frame: toClient(harbin6, 48+3000), gso: gso{1325, 3}, verdict: redirect, reason: "clamped",
			class: heilongjiang, packets: 3, bytes: 3000 + 3*48,
		},
		{
			name: "gso of one short segment", frame: toClient(harbin4, 28+1000), gso: gso{1400, 1}, verdict: next, reason: "pass",
			class: heilongjiang,
		},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, b, "egress") })
	}
}

func TestSilentDropsWithoutAnError(t *testing.T) {
	b := newBench(t, testSnapshot(t), true)
	for _, c := range []verdictCase{
		{name: "within", frame: toClient(harbin4, 1372), verdict: next, reason: "pass", class: heilongjiang},
		{name: "over", frame: toClient(harbin4, 1373), verdict: drop, reason: "clamped-silent", class: heilongjiang},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, b, "egress") })
	}
}

func TestWithoutPortsTheProgramsLookOn(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	if err := setPorts(b.maps.Ports, nil); err != nil {
		t.Fatal(err)
	}
	verdictCase{frame: toClient(harbin4, 1500), verdict: next, reason: "foreign-port"}.check(t, b, "egress")
	verdictCase{frame: fromClient(harbin4, 1500), verdict: next, reason: "foreign-port"}.check(t, b, "ingress")
}

