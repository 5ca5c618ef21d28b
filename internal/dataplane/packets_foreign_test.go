package dataplane

import (
	"fmt"
	"net/netip"
)

// foreign are frames that are no QUIC server's, at either hook.
func foreign() []verdictCase {
	tcp := segment(80, 8080, tcpSYN, mssOption(1460), nil)
	both := udp(443, 443, 100)
	in4 := v4{src: harbin4, dst: harbin4, proto: protoUDP, payload: both}
	in6 := v6{src: harbin6, dst: harbin6, next: protoUDP, payload: both}
	with4 := func(f func(*v4)) []byte { p := in4; f(&p); return p.frame() }
	with6 := func(next byte, payload []byte) []byte { p := in6; p.next, p.payload = next, payload; return p.frame() }
	chain := both
	for range 7 {
		chain = ext(60, 8, chain)
	}
	return []verdictCase{
		{name: "arp", frame: ether(0x0806, make([]byte, 28)), reason: "not-ip"},
		{name: "lldp", frame: ether(0x88cc, make([]byte, 46)), reason: "not-ip"},
		{name: "802.3 length", frame: ether(46, make([]byte, 46)), reason: "not-ip"},
		{name: "other tcp port over ipv4", frame: with4(func(p *v4) { p.proto, p.payload = protoTCP, tcp }), reason: "foreign-port"},
		{name: "other tcp port over ipv6", frame: with6(protoTCP, tcp), reason: "foreign-port"},
		{name: "other tcp port behind an extension header", frame: with6(60, ext(protoTCP, 8, tcp)), reason: "foreign-port"},
		{name: "later fragment of tcp", frame: with4(func(p *v4) { p.proto, p.frag = protoTCP, 0x00b9 }), reason: "fragment"},
		{name: "icmp", frame: with4(func(p *v4) { p.proto = 1 }), reason: "not-udp"},
		{name: "sctp", frame: with4(func(p *v4) { p.proto = 132 }), reason: "not-udp"},
		{name: "later fragment of icmp", frame: with4(func(p *v4) { p.proto, p.frag = 1, 1 }), reason: "not-udp"},
		{name: "icmpv6 behind hop-by-hop", frame: with6(0, ext(58, 8, both)), reason: "not-udp"},
		{name: "esp", frame: with6(50, both), reason: "not-udp"},
		{name: "no next header", frame: with6(59, nil), reason: "not-udp"},
		{name: "later fragment of ipv4", frame: with4(func(p *v4) { p.frag = 0x00b9 }), reason: "fragment"},
		{name: "last fragment of ipv4", frame: with4(func(p *v4) { p.frag = 0x1fff }), reason: "fragment"},
		{name: "later fragment with options", frame: with4(func(p *v4) { p.frag, p.options = 0x2001, make([]byte, 8) }), reason: "fragment"},
		{name: "later fragment of ipv6", frame: with6(44, fragment(protoUDP, 1480, both)), reason: "fragment"},
		{name: "other udp port over ipv4", frame: with4(func(p *v4) { p.payload = udp(53, 53, 40) }), reason: "foreign-port"},
		{name: "other udp port over ipv6", frame: with6(protoUDP, udp(53, 53, 40)), reason: "foreign-port"},
		{name: "other udp port behind options", frame: with4(func(p *v4) { p.payload, p.options = udp(53, 53, 4), make([]byte, 4) }), reason: "foreign-port"},
		{name: "empty datagram to another port", frame: with4(func(p *v4) { p.payload = udp(53, 53, 0) }), reason: "foreign-port"},
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
}

// truncated are packets that end within their headers, at each byte, as far as a test run takes them: it refuses an IP
// packet without its whole fixed header, which TestFramesOfAnyLength sends over a device.
func truncated() (all []verdictCase) {
	both := udp(443, 443, 0)
	tcp := segment(443, 443, tcpSYN, nil, nil)
	for _, p := range []struct {
		name  string
		from  int // the fixed header's end
		frame []byte
	}{
		{"ipv4 udp", 34, v4{src: harbin4, dst: harbin4, proto: protoUDP, payload: both}.frame()},
		{"ipv4 tcp", 34, v4{src: harbin4, dst: harbin4, proto: protoTCP, payload: tcp}.frame()},
		{"ipv4 options udp", 34, v4{src: harbin4, dst: harbin4, proto: protoUDP, options: make([]byte, 4), payload: both}.frame()},
		{"ipv6 udp", 54, v6{src: harbin6, dst: harbin6, next: protoUDP, payload: both}.frame()},
		{"ipv6 tcp", 54, v6{src: harbin6, dst: harbin6, next: protoTCP, payload: tcp}.frame()},
		{"ipv6 extension header udp", 54, v6{src: harbin6, dst: harbin6, next: 60, payload: ext(protoUDP, 16, both)}.frame()},
		{"ipv6 first fragment", 54, v6{src: harbin6, dst: harbin6, next: 44, payload: fragment(protoUDP, 0, both)}.frame()},
	} {
		for n := p.from; n < len(p.frame); n++ {
			all = append(all, verdictCase{name: fmt.Sprintf("%s, %d bytes", p.name, n), frame: p.frame[:n], reason: "truncated"})
		}
	}
	return all
}

// inTags are frames with VLAN tags in them, of either hook: the address that counts is both ends'.
func inTags(hook string) (all []verdictCase) {
	for _, client := range []netip.Addr{harbin4, harbin6} {
		plain, syn, lower := fromClient(client, 1248), tcpFrame(client, peer(client), 0, segment(5555, 443, tcpSYN, mssOption(1460), nil)),
			tcpFrame(client, peer(client), 0, segment(5555, 443, tcpSYN, mssOption(harbinMSS(client)), nil))
		if hook == "egress" {
			plain, syn, lower = toClient(client, 1248), tcpFrame(peer(client), client, 0, segment(443, 5555, tcpSYN|tcpACK, mssOption(1460), nil)),
				tcpFrame(peer(client), client, 0, segment(443, 5555, tcpSYN|tcpACK, mssOption(harbinMSS(client)), nil))
		}
		for _, tags := range [][]uint32{{tagC | 5}, {tagS | 5}, {tagS | 7, tagC | 5}, {tagC | 7, tagC | 5}} {
			name := fmt.Sprintf("%x %s", tags, client)
			all = append(all,
				verdictCase{name: name, frame: tagged(plain, tags...), tags: len(tags), class: heilongjiang},
				verdictCase{
					name: name + " syn", frame: tagged(syn, tags...), out: tagged(lower, tags...),
					tags: len(tags), reason: "mss-clamped", class: heilongjiang,
				})
			if hook == "egress" {
				big := toClient(client, 1400)
				all = append(all, verdictCase{
					name: name + " too large", frame: tagged(big, tags...), out: tagged(icmpError(big, headersOf(big), 1372), tags...),
					tags: len(tags), verdict: redirect, reason: "clamped", class: heilongjiang,
				})
			}
			for n := 14; n < 14+4*len(tags); n++ { // a tag is cut
				all = append(all, verdictCase{
					name: fmt.Sprintf("%s cut to %d", name, n), frame: tagged(plain, tags...)[:n], reason: "truncated",
				})
			}
		}
		all = append(all, verdictCase{name: "three tags " + client.String(), frame: tagged(plain, tagS|1, tagC|2, tagC|3), tags: 2, reason: "vlan"})
	}
	arp := ether(0x0806, make([]byte, 28))
	return append(all,
		verdictCase{name: "arp in a tag", frame: tagged(arp, tagC|5), tags: 1, reason: "not-ip"},
		verdictCase{name: "arp in two tags", frame: tagged(arp, tagS|5, tagC|5), tags: 2, reason: "not-ip"},
		verdictCase{name: "ipv4 of version 6 in a tag", frame: tagged(poke(fromClient(harbin4, 100), 14, 0x65), tagC|5), tags: 1, reason: "bad-header"})
}
