package dataplane

import (
	"encoding/binary"
	"net/netip"
)

// Flags of TCP.
const (
	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpRST = 0x04
	tcpACK = 0x10
)

// segment is a TCP segment, options padded to a multiple of four bytes by the caller, without a checksum.
func segment(sport, dport uint16, flags byte, options, payload []byte) []byte {
	b := make([]byte, 20, 20+len(options)+len(payload))
	binary.BigEndian.PutUint16(b, sport)
	binary.BigEndian.PutUint16(b[2:], dport)
	b[12], b[13] = byte(5+len(options)/4)<<4, flags
	return append(append(b, options...), payload...)
}

// sealed puts the checksum into a segment.
func sealed(src, dst netip.Addr, b []byte) []byte {
	b = append([]byte(nil), b...)
	pseudo := binary.BigEndian.AppendUint32(append(src.AsSlice(), dst.AsSlice()...), uint32(len(b)))
	pseudo = append(pseudo, 0, 0, 0, protoTCP)
	binary.BigEndian.PutUint16(b[16:], checksum(pseudo, b))
	return b
}

// tcpFrame is a segment between two addresses, behind IPv4 options of as many bytes, or an IPv6 extension header.
func tcpFrame(src, dst netip.Addr, more int, b []byte) []byte {
	b = sealed(src, dst, b)
	if src.Is4() {
		return v4{src: src, dst: dst, proto: protoTCP, options: make([]byte, more), payload: b}.frame()
	}
	if more > 0 {
		return v6{src: src, dst: dst, next: 60, payload: ext(protoTCP, more, b)}.frame()
	}
	return v6{src: src, dst: dst, next: protoTCP, payload: b}.frame()
}
