package lab

import (
	"net/netip"

	"quicedge/internal/class"
)

// Networks is how many /24s and /48s each class has: 10.0.0.0/8 and fd00::/16 hold as many for every class.
const Networks = 64

// Port is where the edge serves.
const Port = 443

// Addresses of the edge.
var (
	edge4 = netip.AddrFrom4([4]byte{198, 18, 0, 1})
	edge6 = netip.AddrFrom16([16]byte{0xfd, 0xee, 15: 1})
)

// EdgeAddr returns the edge's address of the family of a client's.
func EdgeAddr(client netip.Addr) netip.AddrPort {
	if client.Is4() {
		return netip.AddrPortFrom(edge4, Port)
	}
	return netip.AddrPortFrom(edge6, Port)
}

// Net4 returns the n-th /24 of a class, n from 0 to less than Networks.
func Net4(id class.ID, n int) netip.Prefix {
	net := int(id)*Networks + n%Networks
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(net >> 8), byte(net), 0}), 24)
}

// Net6 returns the n-th /48 of a class, n from 0 to less than Networks.
func Net6(id class.ID, n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0, byte(id >> 8), byte(id), 0, byte(n % Networks)}), 48)
}

// Host returns the h-th address of a network, h from 1 to 254.
func Host(net netip.Prefix, h int) netip.Addr {
	b := net.Addr().AsSlice()
	b[len(b)-1] = byte(h)
	addr, _ := netip.AddrFromSlice(b) // of a length that is right
	return addr
}

// Prefixes returns all networks of a class as one prefix a family.
func Prefixes(id class.ID) []netip.Prefix {
	return []netip.Prefix{netip.PrefixFrom(Net4(id, 0).Addr(), 18), netip.PrefixFrom(Net6(id, 0).Addr(), 32)}
}
