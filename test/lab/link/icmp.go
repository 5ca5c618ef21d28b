package link

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The emulator's own addresses, from which it sends ICMP errors: a router between all clients and the edge.
var (
	router4 = netip.AddrFrom4([4]byte{198, 18, 0, 254})
	router6 = netip.AddrFrom16([16]byte{0xfd, 0xee, 15: 0xfe})
)

const (
	quote4 = 548  // bytes of the packet that an error quotes, so that it has 576 (RFC 1812, section 4.3.2.3)
	quote6 = 1232 // so that it has 1280 (RFC 4443, section 3.2)
)

// tooBig makes the answer of a router to a packet larger than mtu bytes, in b, and returns what it used of it. It is nil for an ICMP error,
// which is never answered, and for IPv4 that may be fragmented.
func tooBig(b []byte, p packet, mtu int) []byte {
	if !p.whole || p.isError() {
		return nil
	}
	if p.src.Is4() {
		return tooBig4(b, p, mtu)
	}
	return tooBig6(b, p, mtu)
}

func (p packet) isError() bool {
	switch {
	case p.src.Is4():
		return p.proto == unix.IPPROTO_ICMP
	default:
		return p.proto == unix.IPPROTO_ICMPV6 && len(p.bytes) > 40 && p.bytes[40] < 128
	}
}

// tooBig4 is Destination Unreachable, Fragmentation Needed and DF Set (RFC 792, RFC 1191).
func tooBig4(b []byte, p packet, mtu int) []byte {
	quoted := p.bytes[:min(len(p.bytes), quote4)]
	b = b[:28+len(quoted)]
	clear(b[:28])
	b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_ICMP
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	copy(b[12:], router4.AsSlice())
	copy(b[16:], p.src.AsSlice())
	binary.BigEndian.PutUint16(b[10:], ^fold(add(0, b[:20])))
	b[20], b[21] = 3, 4
	binary.BigEndian.PutUint16(b[26:], uint16(min(mtu, 0xffff)))
	copy(b[28:], quoted)
	binary.BigEndian.PutUint16(b[22:], ^fold(add(0, b[20:])))
	return b
}

// tooBig6 is Packet Too Big (RFC 4443, section 3.2).
func tooBig6(b []byte, p packet, mtu int) []byte {
	quoted := p.bytes[:min(len(p.bytes), quote6)]
	b = b[:48+len(quoted)]
	clear(b[:48])
	size := len(b) - 40
	b[0], b[6], b[7] = 0x60, unix.IPPROTO_ICMPV6, 64
	binary.BigEndian.PutUint16(b[4:], uint16(size))
	copy(b[8:], router6.AsSlice())
	copy(b[24:], p.src.AsSlice())
	b[40] = 2
	binary.BigEndian.PutUint32(b[44:], uint32(mtu))
	copy(b[48:], quoted)
	sum := add(uint32(size)+unix.IPPROTO_ICMPV6, b[8:40]) // the pseudo-header (RFC 8200, section 8.1)
	binary.BigEndian.PutUint16(b[42:], ^fold(add(sum, b[40:])))
	return b
}
