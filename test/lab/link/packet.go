package link

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// packet is an IP packet with what the emulator needs to know of it.
type packet struct {
	bytes    []byte
	src, dst netip.Addr
	proto    uint8
	ports    int  // offset of the source port, 0 where there is none (neither UDP nor TCP, or a later fragment)
	whole    bool // may not be fragmented: IPv4 with DF, all of IPv6
}

// parse reads an IP packet; ok is false for what is none.
func parse(b []byte) (p packet, ok bool) {
	p.bytes = b
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		head := int(b[0]&15) * 4
		fragment := binary.BigEndian.Uint16(b[6:])
		p.src, p.dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		p.proto, p.whole = b[9], fragment&0x4000 != 0
		if fragment&0x1fff == 0 {
			p.findPorts(head)
		}
		return p, head >= 20
	case len(b) >= 40 && b[0]>>4 == 6:
		p.src, p.dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		p.proto, p.whole = b[6], true
		p.findPorts(40)
		return p, true
	}
	return p, false
}

func (p *packet) findPorts(head int) {
	least := 8
	if p.proto == unix.IPPROTO_TCP {
		least = 20
	}
	if (p.proto == unix.IPPROTO_UDP || p.proto == unix.IPPROTO_TCP) && len(p.bytes) >= head+least {
		p.ports = head
	}
}

// client returns the address of the client's end.
func (p packet) client(d Direction) netip.Addr {
	if d == Up {
		return p.src
	}
	return p.dst
}

// offsets of the client's and the edge's port.
func (p packet) portsOf(d Direction) (client, edge int) {
	if d == Up {
		return p.ports, p.ports + 2
	}
	return p.ports + 2, p.ports
}

// setPort writes a port and mends the checksum of UDP or TCP (RFC 1624, equation 3).
func (p packet) setPort(at int, port uint16) {
	old := binary.BigEndian.Uint16(p.bytes[at:])
	binary.BigEndian.PutUint16(p.bytes[at:], port)
	sum := p.ports + 16
	if p.proto == unix.IPPROTO_UDP {
		sum = p.ports + 6
		if binary.BigEndian.Uint16(p.bytes[sum:]) == 0 {
			return // sent without a checksum
		}
	}
	mended := ^fold(uint32(^binary.BigEndian.Uint16(p.bytes[sum:])) + uint32(^old) + uint32(port))
	if mended == 0 && p.proto == unix.IPPROTO_UDP {
		mended = 0xffff // 0 would say that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(p.bytes[sum:], mended)
}

// fold brings a sum of 16-bit words to 16 bits by the one's complement.
func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// add sums bytes up as 16-bit words (RFC 1071).
func add(sum uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}
