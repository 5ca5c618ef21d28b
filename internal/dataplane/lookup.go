package dataplane

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// Lookup asks the kernel's tables about an address, by the same code that packets go through. As in path.Snapshot, an
// IPv4-mapped IPv6 address is looked up as IPv4, and one that no prefix covers has class 0 and the zero Prefix.
func (p *Plane) Lookup(addr netip.Addr) (path.Match, error) {
	if !addr.IsValid() {
		return path.Match{}, fmt.Errorf("look up an address: it is not valid")
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return path.Match{}, errClosed
	}
	plain := addr.Unmap().WithZone("")
	answer, err := p.lookup.Run(&ebpf.RunOptions{Data: frameFrom(plain)})
	if err != nil {
		return path.Match{}, explain("look up "+addr.String(), err)
	}
	m := path.Match{Addr: addr, Class: prefix.Answer(answer).Class()}
	m.Prefix, _ = prefix.Answer(answer).Prefix(plain)
	m.Profile = p.profiles.load(m.Class)
	return m, nil
}

// Of returns what the kernel has for a class.
func (p *Plane) Of(id class.ID) (path.Match, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return path.Match{}, errClosed
	}
	return path.Match{Class: id, Profile: p.profiles.load(id)}, nil
}

// frameFrom is the shortest Ethernet frame that has an IP source address.
func frameFrom(addr netip.Addr) []byte {
	b := make([]byte, 12, 14+40) // two Ethernet addresses of zeros
	if addr.Is4() {
		b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
		b = append(b, 0x45)
		b = append(b, make([]byte, 11)...)
		b = append(b, addr.AsSlice()...)
		return append(b, make([]byte, 4)...)
	}
	b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IPV6)
	b = append(b, 0x60)
	b = append(b, make([]byte, 7)...)
	b = append(b, addr.AsSlice()...)
	return append(b, make([]byte, 16)...)
}
