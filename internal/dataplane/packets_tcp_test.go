package dataplane

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// peer is the server that a client talks to.
func peer(client netip.Addr) netip.Addr {
	if client.Is4() {
		return server4
	}
	return server6
}

// harbinMSS is what fits Heilongjiang's 1372 bytes without options.
func harbinMSS(client netip.Addr) uint16 {
	if client.Is4() {
		return 1372 - 40
	}
	return 1372 - 60
}

// mssOption is the MSS option (RFC 9293, section 3.2).
func mssOption(mss uint16) []byte { return []byte{2, 4, byte(mss >> 8), byte(mss)} }

// between is a segment from a client to the server at ingress, back at egress, behind headers of as many bytes more.
func between(hook string, client netip.Addr, more int, flags byte, options, payload []byte) []byte {
	if hook == "ingress" {
		return tcpFrame(client, peer(client), more, segment(5555, 443, flags, options, payload))
	}
	return tcpFrame(peer(client), client, more, segment(443, 5555, flags|tcpACK, options, payload))
}

// tcpPackets are segments that pass unchanged, of which only a SYN with a small MSS is looked into.
func tcpPackets(hook string) (all []verdictCase) {
	for _, client := range []netip.Addr{harbin4, harbin6} {
		for _, c := range []struct {
			name    string
			flags   byte
			options []byte
			payload int
		}{
			{"data", tcpACK, nil, 1000},
			{"data with timestamps", tcpACK, slices.Concat([]byte{1, 1, 8, 10}, make([]byte, 8)), 1000},
			{"data with an mss", tcpACK, mssOption(1460), 10},
			{"fin", tcpACK | tcpFIN, nil, 0},
			{"reset", tcpRST, nil, 0},
			{"syn without options", tcpSYN, nil, 0},
		} {
			all = append(all, verdictCase{
				name: c.name + " " + client.String(), frame: between(hook, client, 0, c.flags, c.options, make([]byte, c.payload)),
				reason: "tcp", class: heilongjiang,
			})
		}
		headers := len(between(hook, client, 0, tcpACK, nil, nil)) - 14
		all = append(all, verdictCase{
			name: "gso " + client.String(), frame: between(hook, client, 0, tcpACK, nil, make([]byte, 3000)), gso: gso{1000, 3},
			reason: "tcp", class: heilongjiang, packets: 3, bytes: uint64(3000 + 3*headers),
		}, verdictCase{
			name: "gso that nobody has counted " + client.String(), frame: between(hook, client, 0, tcpACK, nil, make([]byte, 3000)), gso: gso{1400, 0},
			reason: "tcp", class: heilongjiang, packets: 3, bytes: uint64(3000 + 3*headers),
		})
	}
	bare := between(hook, harbin4, 0, tcpSYN, nil, nil)
	return append(all,
		verdictCase{name: "data larger than the mtu", frame: between(hook, harbin4, 0, tcpACK, nil, make([]byte, 1460)), reason: "tcp", class: heilongjiang},
		verdictCase{name: "header length below the least", frame: poke(bare, 14+20+12, 0x40), reason: "tcp", class: heilongjiang},
		verdictCase{
			name: "gso whose headers are longer than it", frame: poke(bare, 14+20+12, 0xf0), gso: gso{1000, 0}, reason: "tcp", class: heilongjiang,
		},
		verdictCase{name: "header longer than the packet", frame: poke(bare, 14+20+12, 0xf0), reason: "tcp", class: heilongjiang},
		verdictCase{name: "class without a profile", frame: between(hook, unclamped4, 0, tcpSYN, mssOption(9000), nil), reason: "tcp", class: yunnan},
	)
}

// mssLayouts are options of a SYN around an MSS of 1460 and one of 1400, and whether those are found.
var mssLayouts = []struct {
	name    string
	options func(a, b uint16) []byte
	found   bool
}{
	{"alone", func(a, _ uint16) []byte { return mssOption(a) }, true},
	{"as linux has it", func(a, _ uint16) []byte {
		return slices.Concat(mssOption(a), []byte{4, 2, 8, 10}, make([]byte, 8), []byte{1, 3, 3, 7})
	}, true},
	{"at an odd offset", func(a, _ uint16) []byte { return slices.Concat([]byte{1}, mssOption(a), []byte{1, 1, 1}) }, true},
	{"two no-ops before", func(a, _ uint16) []byte { return slices.Concat([]byte{1, 1}, mssOption(a), []byte{1, 1}) }, true},
	{"three no-ops before", func(a, _ uint16) []byte { return slices.Concat([]byte{1, 1, 1}, mssOption(a), []byte{1}) }, true},
	{"behind an odd option", func(a, _ uint16) []byte { return slices.Concat([]byte{3, 3, 7}, mssOption(a), []byte{0}) }, true},
	{"last of 40 bytes", func(a, _ uint16) []byte { return append(slices.Repeat([]byte{1}, 36), mssOption(a)...) }, true},
	{"last of 40 bytes, at an odd offset", func(a, _ uint16) []byte {
		return slices.Concat(slices.Repeat([]byte{1}, 35), mssOption(a), []byte{0})
	}, true},
	{"behind an option of 36", func(a, _ uint16) []byte { return append(append([]byte{254, 36}, make([]byte, 34)...), mssOption(a)...) }, true},
	{"twice", func(a, b uint16) []byte { return append(mssOption(a), mssOption(b)...) }, true},
	{"before a bad option", func(a, _ uint16) []byte { return append(mssOption(a), 5, 0, 0, 0) }, true},
	{"behind the end of options", func(a, _ uint16) []byte { return append([]byte{0, 0, 0, 0}, mssOption(a)...) }, false},
	{"behind an option of length 0", func(a, _ uint16) []byte { return append([]byte{5, 0, 1, 1}, mssOption(a)...) }, false},
	{"behind an option of length 1", func(a, _ uint16) []byte { return append([]byte{5, 1, 1, 1}, mssOption(a)...) }, false},
	{"within an option", func(a, _ uint16) []byte { return slices.Concat([]byte{254, 8}, mssOption(a), []byte{1, 1}) }, false},
	{"behind an option that is too long", func(a, _ uint16) []byte { return append([]byte{5, 9, 1, 1}, mssOption(a)...) }, false},
	{"of length 3", func(a, _ uint16) []byte { return []byte{2, 3, byte(a >> 8), byte(a)} }, false},
	{"of length 6", func(a, _ uint16) []byte { return []byte{2, 6, byte(a >> 8), byte(a), 0, 0, 1, 1} }, false},
	{"behind one of length 6", func(a, _ uint16) []byte { return slices.Concat([]byte{2, 6, 9, 9, 9, 9}, mssOption(a), []byte{1, 1}) }, true},
	{"behind one of length 2", func(a, _ uint16) []byte { return slices.Concat([]byte{2, 2}, mssOption(a), []byte{1, 1}) }, true},
	{"cut off by the header's end", func(a, _ uint16) []byte { return []byte{1, 1, 2, 4} }, false},
}

// mssPackets are SYNs and SYN-ACKs. What comes out is built anew with the MSS of the class, checksum and all.
func mssPackets(hook string) (all []verdictCase) {
	for _, client := range []netip.Addr{harbin4, harbin6} {
		limit := harbinMSS(client)
		for _, l := range mssLayouts {
			c := verdictCase{
				name: "mss " + l.name + " " + client.String(), frame: between(hook, client, 0, tcpSYN, l.options(1460, 1400), nil),
				reason: "tcp", class: heilongjiang,
			}
			if l.found {
				c.reason, c.out = "mss-clamped", between(hook, client, 0, tcpSYN, l.options(limit, limit), nil)
			}
			all = append(all, c)
		}
		for _, was := range []uint16{0, 536, limit - 1, limit, limit + 1, 9000, 65535} {
			c := verdictCase{name: fmt.Sprintf("mss %d %s", was, client), frame: between(hook, client, 0, tcpSYN, mssOption(was), nil), reason: "tcp", class: heilongjiang}
			if was > limit {
				c.reason, c.out = "mss-clamped", between(hook, client, 0, tcpSYN, mssOption(limit), nil)
			}
			all = append(all, c)
		}
		data := []byte("fast open, of odd length")[:23]
		for _, more := range []int{8, 40} {
			all = append(all, verdictCase{
				name:  fmt.Sprintf("mss behind %d bytes more of headers %s", more, client),
				frame: between(hook, client, more, tcpSYN, mssOption(1460), data), out: between(hook, client, more, tcpSYN, mssOption(limit), data),
				reason: "mss-clamped", class: heilongjiang,
			})
		}
	}
	lying := between(hook, harbin4, 0, tcpSYN, mssOption(1460), nil)
	binary.BigEndian.PutUint16(lying[14+20+12:], 0xf002) // 40 bytes of options, of which 4 are there
	mended := append([]byte(nil), lying...)
	copy(mended[14+20+20:], mssOption(harbinMSS(harbin4)))
	binary.BigEndian.PutUint16(mended[14+20+16:], sumChange(binary.BigEndian.Uint16(lying[14+20+16:]), 1460, harbinMSS(harbin4)))
	return append(all,
		verdictCase{name: "mss in a header longer than the packet", frame: lying, out: mended, reason: "mss-clamped", class: heilongjiang},
		verdictCase{
			name: "mss of class 0", frame: between(hook, stranger4, 0, tcpSYN, mssOption(9000), nil),
			out: between(hook, stranger4, 0, tcpSYN, mssOption(1460), nil), reason: "mss-clamped",
		},
		verdictCase{
			name: "mss of the least class", frame: between(hook, gansu6, 0, tcpSYN, mssOption(1440), nil),
			out: between(hook, gansu6, 0, tcpSYN, mssOption(1248-60), nil), reason: "mss-clamped", class: gansu,
		})
}

// sumChange is a checksum after a word of what it sums has changed (RFC 1624).
func sumChange(sum, was, is uint16) uint16 {
	n := uint32(^sum) + uint32(^was) + uint32(is)
	for n > 0xffff {
		n = n&0xffff + n>>16
	}
	return ^uint16(n)
}
