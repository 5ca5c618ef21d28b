package prefix

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// uint128 is an address as a number; that of an IPv4 address is below 1<<32.
type uint128 struct{ hi, lo uint64 }

func number(a netip.Addr) uint128 {
	if a.Is4() {
		b := a.As4()
		return uint128{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return uint128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// addr is the reverse of number, for addresses of 32 or 128 bits.
func (n uint128) addr(bitLen int) netip.Addr {
	if bitLen == 32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	return netip.AddrFrom16(b)
}

func (n uint128) plus(m uint128) uint128 {
	lo, carry := bits.Add64(n.lo, m.lo, 0)
	hi, _ := bits.Add64(n.hi, m.hi, carry)
	return uint128{hi, lo}
}

func (n uint128) minus(m uint128) uint128 {
	lo, borrow := bits.Sub64(n.lo, m.lo, 0)
	hi, _ := bits.Sub64(n.hi, m.hi, borrow)
	return uint128{hi, lo}
}

// one128 is 1<<shift, and 0 for a shift of 128.
func one128(shift int) uint128 {
	if shift >= 64 {
		return uint128{hi: 1 << (shift - 64)}
	}
	return uint128{lo: 1 << shift}
}

func (n uint128) trailingZeros() int {
	if n.lo != 0 {
		return bits.TrailingZeros64(n.lo)
	}
	return 64 + bits.TrailingZeros64(n.hi)
}

func (n uint128) len() int {
	if n.hi != 0 {
		return 64 + bits.Len64(n.hi)
	}
	return bits.Len64(n.lo)
}

// float rounds to 53 bits.
func (n uint128) float() float64 { return float64(n.hi)*(1<<64) + float64(n.lo) }
