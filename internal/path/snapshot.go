package path

import (
	"net/netip"

	"quicedge/internal/class"
	"quicedge/internal/prefix"
)

// Snapshot is one complete, immutable statement of which addresses belong to which class and how packets to each class are
// sized. The kernel's maps and the server are given the same one.
type Snapshot struct {
	Prefixes *prefix.Table // nil: no prefixes, every address is class 0
	Profiles [class.Max]Profile
}

// Match is what a Snapshot, or the kernel, says of an address.
type Match struct {
	Addr    netip.Addr
	Prefix  netip.Prefix // the zero Prefix where none covers Addr
	Class   class.ID
	Profile Profile
}

// Lookup classes an address.
func (s *Snapshot) Lookup(addr netip.Addr) Match {
	p, id, _ := s.Prefixes.Lookup(addr)
	return Match{Addr: addr, Prefix: p, Class: id, Profile: s.Profiles[id]}
}
