package dataplane

import (
	"encoding/binary"
	"net/netip"
)

// Frames are built byte by byte, so that they can be wrong in every way; what the programs make of them is read by gopacket.

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	protoTCP  = 6
	protoUDP  = 17
)

// Addresses of the tests: a server, and clients in prefixes of testSnapshot.
var (
	server4, server6   = addr("10.9.0.1"), addr("fd00::1")
	harbin4, harbin6   = addr("198.51.100.7"), addr("2001:db8:23::7") // MTU 1372
	gansu4, gansu6     = addr("203.0.113.9"), addr("2001:db8:62::9")  // MTU 1248
	unclamped4         = addr("192.0.2.5")                            // a class without a profile
	stranger4, strange = addr("100.64.0.1"), addr("fd99::1")          // class 0
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func ether(kind uint16, payload []byte) []byte {
	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

// v4 is an IPv4 packet. frag is the flags and offset field; options must be a multiple of four bytes.
type v4 struct {
	src, dst netip.Addr
	proto    byte
	frag     uint16
	options  []byte
	payload  []byte
}

func (p v4) frame() []byte {
	ihl := 5 + len(p.options)/4
	h := make([]byte, 20, 20+len(p.options)+len(p.payload))
	h[0] = byte(0x40 | ihl)
	binary.BigEndian.PutUint16(h[2:], uint16(4*ihl+len(p.payload)))
	binary.BigEndian.PutUint16(h[6:], p.frag)
	h[8], h[9] = 64, p.proto
	copy(h[12:], p.src.AsSlice())
	copy(h[16:], p.dst.AsSlice())
	h = append(h, p.options...)
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return ether(etherIPv4, append(h, p.payload...))
}

// v6 is an IPv6 packet; the payload begins with the header that next names.
type v6 struct {
	src, dst netip.Addr
	next     byte
	payload  []byte
}

func (p v6) frame() []byte {
	h := make([]byte, 40, 40+len(p.payload))
	h[0], h[6], h[7] = 0x60, p.next, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(p.payload)))
	copy(h[8:], p.src.AsSlice())
	copy(h[24:], p.dst.AsSlice())
	return ether(etherIPv6, append(h, p.payload...))
}

// ext is an IPv6 extension header of size bytes before more.
func ext(next byte, size int, more []byte) []byte {
	h := make([]byte, size)
	h[0], h[1] = next, byte(size/8-1)
	return append(h, more...)
}

// fragment is an IPv6 fragment header; offset in bytes, a multiple of eight.
func fragment(next byte, offset uint16, more []byte) []byte {
	h := make([]byte, 8)
	h[0] = next
	binary.BigEndian.PutUint16(h[2:], offset|1)
	return append(h, more...)
}

// udp is a UDP header and n bytes of payload.
func udp(sport, dport uint16, n int) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 8+n), sport)
	b = binary.BigEndian.AppendUint16(b, dport)
	b = binary.BigEndian.AppendUint16(b, uint16(8+n))
	return append(b, make([]byte, 2+n)...)
}

// datagram is a UDP header and its payload.
func datagram(sport, dport uint16, payload []byte) []byte {
	return append(udp(sport, dport, len(payload))[:8:8], payload...)
}

// tagged puts VLAN tags into a frame, the outer one first: a tag's type, above its number.
func tagged(frame []byte, tags ...uint32) []byte {
	b := append([]byte(nil), frame[:12]...)
	for _, tag := range tags {
		b = binary.BigEndian.AppendUint32(b, tag)
	}
	return append(b, frame[12:]...)
}

// Types of tags, to be added to a VLAN's number.
const (
	tagC = 0x8100_0000 // a customer's (IEEE 802.1Q)
	tagS = 0x88a8_0000 // a provider's (IEEE 802.1ad)
)

// poke is a frame with another byte at a place.
func poke(frame []byte, at int, v byte) []byte {
	b := append([]byte(nil), frame...)
	b[at] = v
	return b
}

// toClient is what the server sends: size is that of the IP packet.
func toClient(client netip.Addr, size int) []byte {
	if client.Is4() {
		return v4{src: server4, dst: client, proto: protoUDP, frag: 0x4000, payload: udp(443, 5555, size-28)}.frame()
	}
	return v6{src: server6, dst: client, next: protoUDP, payload: udp(443, 5555, size-48)}.frame()
}

// fromClient is what a client sends to the server.
func fromClient(client netip.Addr, size int) []byte {
	if client.Is4() {
		return v4{src: client, dst: server4, proto: protoUDP, payload: udp(5555, 443, size-28)}.frame()
	}
	return v6{src: client, dst: server6, next: protoUDP, payload: udp(5555, 443, size-48)}.frame()
}

// checksum is the Internet checksum (RFC 1071) of parts that follow each other; of what holds a right one it is 0.
func checksum(parts ...[]byte) uint16 {
	var sum, n uint32
	for _, p := range parts {
		for _, b := range p {
			sum += uint32(b) << (8 * (1 - n%2))
			n++
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
