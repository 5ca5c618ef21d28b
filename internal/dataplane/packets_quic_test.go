package dataplane

import (
	"bytes"
	"net/netip"
	"slices"
)

// clientSends is a datagram from a client to the server.
func clientSends(from netip.Addr, payload []byte) []byte {
	if from.Is4() {
		return v4{src: from, dst: server4, proto: protoUDP, payload: datagram(5555, 443, payload)}.frame()
	}
	return v6{src: from, dst: server6, next: protoUDP, payload: datagram(5555, 443, payload)}.frame()
}

// serverSends is a datagram from the server to a client.
func serverSends(to netip.Addr, payload []byte) []byte {
	if to.Is4() {
		return v4{src: server4, dst: to, proto: protoUDP, payload: datagram(443, 5555, payload)}.frame()
	}
	return v6{src: server6, dst: to, next: protoUDP, payload: datagram(443, 5555, payload)}.frame()
}

// authentication is an AH of 24 bytes, whose length field counts words of four, less two (RFC 4302).
func authentication(next byte, more []byte) []byte {
	h := make([]byte, 24)
	h[0], h[1] = next, 4
	return append(h, more...)
}

// screenedPackets are what a server discards, with the reason for which ingress drops it.
func screenedPackets() []verdictCase {
	fragmented := v4{src: harbin4, dst: server4, proto: protoUDP, frag: 0x2000, payload: datagram(5555, 443, long(initial, quic1, cidA, cidB, 1199))}
	options := v4{src: harbin4, dst: server4, proto: protoUDP, options: make([]byte, 8), payload: datagram(5555, 443, short(20))}
	behind := v6{src: harbin6, dst: server6, next: 0, payload: ext(protoUDP, 8, datagram(5555, 443, long(initial, quic2, cidA, nil, 1199)))}
	padded := append(clientSends(harbin4, short(5)), make([]byte, 13)...) // to Ethernet's 60 bytes
	cases := []verdictCase{
		{name: "empty datagram", frame: clientSends(harbin4, nil), reason: "screened-short"},
		{name: "empty datagram, ipv6", frame: clientSends(harbin6, nil), reason: "screened-short"},
		{name: "one byte", frame: clientSends(harbin4, short(1)), reason: "screened-short"},
		{name: "20 bytes", frame: clientSends(harbin4, short(20)), reason: "screened-short"},
		{name: "20 bytes, ipv6", frame: clientSends(harbin6, short(20)), reason: "screened-short"},
		{name: "20 bytes of a long header", frame: clientSends(harbin4, long(initial, quic1, cidA, nil, 20)), reason: "screened-short"},
		{name: "20 bytes behind options", frame: options.frame(), reason: "screened-short"},
		{name: "5 bytes, padded by ethernet", frame: padded, reason: "screened-short"},
		{name: "udp length below its header", frame: poke(clientSends(harbin4, short(100)), 39, 7), reason: "screened-short"},
		{name: "gro of short ones", frame: clientSends(harbin4, short(40)), gso: gso{20, 2}, reason: "screened-short", packets: 2, bytes: 40 + 2*28},
		{name: "initial of 1199", frame: clientSends(harbin4, long(initial, quic1, cidA, cidB, 1199)), reason: "screened-initial"},
		{name: "initial of 1199, ipv6", frame: clientSends(harbin6, long(initial, quic1, cidA, cidB, 1199)), reason: "screened-initial"},
		{name: "initial of 21", frame: clientSends(harbin4, long(initial, quic1, cidA, nil, 21)), reason: "screened-initial"},
		{name: "initial of version 2", frame: clientSends(harbin4, long(initial, quic2, cidA, cidB, 1199)), reason: "screened-initial"},
		{name: "initial of version 2 behind hop-by-hop", frame: behind.frame(), reason: "screened-initial"},
		{name: "initial in fragments", frame: fragmented.frame(), reason: "screened-initial"},
		{
			name: "gro of short initials", frame: clientSends(harbin4, long(initial, quic1, cidA, cidB, 2398)), gso: gso{1199, 2},
			reason: "screened-initial", packets: 2, bytes: 2398 + 2*28,
		},
	}
	for i := range cases {
		cases[i].verdict, cases[i].class = drop, heilongjiang
	}
	cases[7].bytes = 46
	return cases
}

// fromClients are datagrams to a server, some of which are screened.
func fromClients() []verdictCase {
	whole := datagram(5555, 443, short(1200))
	options := v4{src: harbin4, dst: server4, proto: protoUDP, options: make([]byte, 40), payload: whole}
	first := v4{src: harbin4, dst: server4, proto: protoUDP, frag: 0x2000, payload: whole}
	second := v4{src: harbin4, dst: server4, proto: protoUDP, payload: datagram(1, 8443, short(21))}
	cutInitial := v4{src: harbin4, dst: server4, proto: protoUDP, frag: 0x2000, payload: datagram(5555, 443, long(initial, quic1, cidA, cidB, 1400))[:808]}
	with6 := func(next byte, payload []byte) []byte {
		return v6{src: harbin6, dst: server6, next: next, payload: payload}.frame()
	}
	six := whole
	for range 6 {
		six = ext(60, 16, six)
	}
	copy(six[5*16:], []byte{protoUDP})
	cases := []verdictCase{
		{name: "ipv4", frame: clientSends(harbin4, short(1200))},
		{name: "ipv6", frame: clientSends(harbin6, short(1200))},
		{name: "21 bytes", frame: clientSends(harbin4, short(21))},
		{name: "21 bytes, ipv6", frame: clientSends(harbin6, short(21))},
		{name: "fixed bit clear", frame: clientSends(harbin4, make([]byte, 21))},
		{name: "second port", frame: second.frame()},
		{name: "larger than the mtu comes in all the same", frame: clientSends(harbin4, short(1472))},
		{name: "ipv4 with 40 bytes of options", frame: options.frame()},
		{name: "first fragment of ipv4", frame: first.frame()},
		{name: "first fragment of ipv6", frame: with6(44, fragment(protoUDP, 0, whole))},
		{name: "hop-by-hop", frame: with6(0, ext(protoUDP, 8, whole))},
		{name: "routing, long", frame: with6(43, ext(protoUDP, 2048, whole))},
		{name: "authentication header", frame: with6(51, authentication(protoUDP, whole))},
		{name: "six extension headers", frame: with6(60, six)},
		{name: "gro super-packet", frame: clientSends(harbin4, short(3000)), gso: gso{1000, 3}, packets: 3, bytes: 3 * 1028},
		{name: "gro of a device that has not counted", frame: clientSends(harbin4, short(2500)), gso: gso{1000, 0}, packets: 3, bytes: 2500 + 3*28},
		{name: "udp length 0", frame: poke(poke(clientSends(harbin4, short(100)), 38, 0), 39, 0)},
		{name: "initial of 1200", frame: clientSends(harbin4, long(initial, quic1, cidA, cidB, 1200)), initials: 1},
		{name: "initial of 1200, ipv6", frame: clientSends(harbin6, long(initial, quic1, cidA, cidB, 1200)), initials: 1},
		{name: "initial of version 2", frame: clientSends(harbin4, long(initial, quic2, cidA, cidB, 1200)), initials: 1},
		{name: "initial with the longest connection ids", frame: clientSends(harbin4, long(initial, quic1, make([]byte, 20), make([]byte, 20), 1200)), initials: 1},
		{name: "initial with a connection id that is too long", frame: clientSends(harbin4, long(initial, quic1, make([]byte, 21), nil, 1200)), initials: 1},
		{name: "initial in a fragment whose datagram is long enough", frame: cutInitial.frame(), initials: 1},
		{
			name: "gro of initials", frame: clientSends(harbin4, long(initial, quic1, cidA, cidB, 2400)), gso: gso{1200, 2},
			packets: 2, bytes: 2400 + 2*28, initials: 1,
		},
		{name: "0-rtt", frame: clientSends(harbin4, long(zeroRTT, quic1, cidA, cidB, 100))},
		{name: "0-rtt of version 2", frame: clientSends(harbin4, long(zeroRTT, quic2, cidA, cidB, 100))},
		{name: "handshake", frame: clientSends(harbin4, long(handshaking, quic1, cidA, cidB, 100))},
		{name: "handshake of version 2", frame: clientSends(harbin6, long(handshaking, quic2, cidA, cidB, 100))},
		{name: "retry, which no client sends", frame: clientSends(harbin4, long(retry, quic1, cidA, cidB, 100)), retries: 1},
		{name: "short version negotiation", frame: clientSends(harbin4, long(initial, 0, cidA, cidB, 40))},
		{name: "short packet of another version", frame: clientSends(harbin4, long(initial, 0x0a0a0a0a, cidA, cidB, 40))},
		{name: "draft 29", frame: clientSends(harbin4, long(initial, 0xff00001d, cidA, cidB, 40))},
	}
	for i := range cases {
		cases[i].class = heilongjiang
	}
	return append(append(cases, screenedPackets()...),
		verdictCase{name: "unknown ipv4", frame: clientSends(stranger4, short(1200))},
		verdictCase{name: "unknown ipv6", frame: clientSends(strange, short(1200))},
		verdictCase{name: "short initial from an unknown address", frame: clientSends(strange, long(initial, quic1, cidA, nil, 1000)), verdict: drop, reason: "screened-initial"})
}

// unscreened are the packets that would be dropped, where nothing is.
func unscreened() []verdictCase {
	cases := screenedPackets()
	for i := range cases {
		c := &cases[i]
		if c.reason == "screened-initial" {
			c.initials = 1
		}
		if c.name == "20 bytes of a long header" {
			c.initials = 1
		}
		c.verdict, c.reason = next, "pass"
	}
	return cases
}

// toClients are datagrams of a server.
func toClients() []verdictCase {
	options := v4{src: server4, dst: harbin4, proto: protoUDP, options: make([]byte, 40), payload: udp(443, 5555, 1372-60-8)}
	optionsOver := options
	optionsOver.payload = udp(443, 5555, 1372-60-8+1)
	ext6 := func(size, header int) []byte {
		return v6{src: server6, dst: harbin6, next: 60, payload: ext(protoUDP, header, udp(443, 5555, size-40-header-8))}.frame()
	}
	over := func(name string, frame []byte, mtu uint16) verdictCase {
		return verdictCase{name: name, frame: frame, verdict: redirect, reason: "clamped", out: icmpError(frame, headersOf(frame), mtu)}
	}
	gsoOver := func(name string, frame []byte, segment uint32, headers uint64) verdictCase {
		c := over(name, frame, 1372)
		c.gso, c.packets, c.bytes = gso{segment, 3}, 3, 3000+3*headers
		return c
	}
	cases := []verdictCase{
		{name: "ipv4 at the mtu", frame: toClient(harbin4, 1372)},
		over("ipv4 one over", toClient(harbin4, 1373), 1372),
		{name: "ipv6 at the mtu", frame: toClient(harbin6, 1372)},
		over("ipv6 one over", toClient(harbin6, 1373), 1372),
		{name: "options at the mtu", frame: options.frame()},
		over("options one over", optionsOver.frame(), 1372),
		{name: "extension header at the mtu", frame: ext6(1372, 16)},
		over("extension header one over", ext6(1373, 16), 1372),
		over("longest headers that are quoted", ext6(1400, 80), 1372),
		{name: "headers too long to quote", frame: ext6(1400, 88), verdict: drop, reason: "clamped-silent"},
		{name: "small, as short as it likes", frame: serverSends(harbin4, short(1))},
		{name: "empty", frame: serverSends(harbin4, nil)},
		{name: "gso within the mtu", frame: toClient(harbin4, 28+3000), gso: gso{1344, 3}, packets: 3, bytes: 3000 + 3*28},
		{name: "gso of a guest, whose segments nobody has counted", frame: toClient(harbin4, 28+3001), gso: gso{1000, 0}, packets: 4, bytes: 3001 + 4*28},
		gsoOver("gso one over", toClient(harbin4, 28+3000), 1345, 28),
		{name: "gso over ipv6 within", frame: toClient(harbin6, 48+3000), gso: gso{1324, 3}, packets: 3, bytes: 3000 + 3*48},
		gsoOver("gso over ipv6 one over", toClient(harbin6, 48+3000), 1325, 48),
		{name: "gso of one short segment", frame: toClient(harbin4, 28+1000), gso: gso{1400, 1}},
		{name: "initial", frame: serverSends(harbin4, long(initial, quic1, cidA, cidB, 1200)), initials: 1},
		{name: "initial of version 2", frame: serverSends(harbin6, long(initial, quic2, cidA, cidB, 1200)), initials: 1},
		{name: "initial too large", frame: serverSends(harbin4, long(initial, quic1, cidA, cidB, 1400)), verdict: redirect, reason: "clamped"},
		{name: "short initial", frame: serverSends(harbin4, long(initial, quic1, cidA, cidB, 50)), initials: 1},
		{name: "retry", frame: serverSends(harbin4, long(retry, quic1, cidA, cidB, 100)), retries: 1},
		{name: "retry of version 2", frame: serverSends(harbin6, long(retry, quic2, cidA, cidB, 100)), retries: 1},
		{name: "handshake", frame: serverSends(harbin4, long(handshaking, quic1, cidA, cidB, 100))},
		{name: "version negotiation", frame: serverSends(harbin4, long(initial, 0, cidA, cidB, 40))},
	}
	for i := range cases {
		cases[i].class = heilongjiang
	}
	least := []verdictCase{
		{name: "least mtu, ipv4 at it", frame: toClient(gansu4, 1248)},
		over("least mtu, ipv4 one over", toClient(gansu4, 1249), 1248),
		{name: "least mtu, ipv6 at it", frame: toClient(gansu6, 1248)},
		over("least mtu, ipv6 one over is told what ipv6 allows", toClient(gansu6, 1249), 1280),
	}
	for i := range least {
		least[i].class = gansu
	}
	return slices.Concat(cases, least, toGroups(), []verdictCase{
		{name: "class 0 at its mtu", frame: toClient(stranger4, 1500)},
		over("class 0 one over", toClient(stranger4, 1501), 1500),
		{name: "no profile, no limit", frame: toClient(unclamped4, 3000), class: yunnan},
		{name: "client's port is no server's", frame: fromClient(harbin4, 1500), reason: "foreign-port"},
	})
}

// toGroups are datagrams that are too large, of which no error may be made (RFC 1122, section 3.2.2; RFC 4443, section 2.4):
// they go to more than one host, or come from what is no host's address.
func toGroups() (cases []verdictCase) {
	to4 := func(src, dst netip.Addr) []byte {
		return v4{src: src, dst: dst, proto: protoUDP, payload: udp(443, 5555, 1500)}.frame()
	}
	toAll := to4(server4, addr("10.9.0.255"))
	copy(toAll, bytes.Repeat([]byte{0xff}, 6))
	toGroup6 := v6{src: server6, dst: addr("fd00::2"), next: protoUDP, payload: udp(443, 5555, 1500)}.frame()
	copy(toGroup6, []byte{0x33, 0x33, 0, 0, 0, 1})
	for _, c := range []struct {
		name  string
		frame []byte
	}{
		{"to a multicast group", to4(server4, addr("239.1.2.3"))},
		{"to all of the link", to4(server4, addr("255.255.255.255"))},
		{"to an unused address", to4(server4, addr("240.0.0.1"))},
		{"to all of a network", toAll},
		{"from no address", to4(addr("0.0.0.0"), stranger4)},
		{"from a multicast group", to4(addr("224.0.0.1"), stranger4)},
		{"to a multicast group of ipv6", v6{src: server6, dst: addr("ff05::1:3"), next: protoUDP, payload: udp(443, 5555, 1500)}.frame()},
		{"from a multicast group of ipv6", v6{src: addr("ff02::1"), dst: strange, next: protoUDP, payload: udp(443, 5555, 1500)}.frame()},
		{"to a group's ethernet address", toGroup6},
	} {
		cases = append(cases, verdictCase{name: "too large, " + c.name, frame: c.frame, verdict: drop, reason: "clamped-silent"})
	}
	return cases
}

// silenced are datagrams of a server that gets no errors.
func silenced() []verdictCase {
	return []verdictCase{
		{name: "within", frame: toClient(harbin4, 1372), class: heilongjiang},
		{name: "over", frame: toClient(harbin4, 1373), verdict: drop, reason: "clamped-silent", class: heilongjiang},
		{name: "over, ipv6", frame: toClient(harbin6, 1373), verdict: drop, reason: "clamped-silent", class: heilongjiang},
	}
}

// bareClamped are packets without a link layer, from servers in whose addresses a test run finds the Ethernet type.
func bareClamped() []verdictCase {
	four := v4{src: addr("8.0.0.1"), dst: harbin4, proto: protoUDP, payload: udp(443, 5555, 1400)}.frame()
	six := v6{src: addr("2001:db8:86dd::1"), dst: harbin6, next: protoUDP, payload: udp(443, 5555, 1400)}.frame()
	return []verdictCase{
		{name: "ipv4", frame: four[14:], out: icmpError(four, 28, 1372)[14:], verdict: redirect, reason: "clamped", class: heilongjiang},
		{name: "ipv6", frame: six[14:], out: icmpError(six, 48, 1372)[14:], verdict: redirect, reason: "clamped", class: heilongjiang},
	}
}
