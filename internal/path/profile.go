// Package path holds what the node does for a class of clients: its path profile, and the immutable Snapshot of all of them
// that the kernel and the server are both given.
package path

import "quicedge/internal/mtu"

// Datagram payload sizes in bytes that QUIC can start with.
const (
	MinInitial = 1200 // RFC 9000, section 14.1: no smaller path carries QUIC
	MaxInitial = 1452 // an Ethernet frame less the IPv6 and UDP headers; quic-go panics above it
)

// Profile is how packets to a class are sized. Its kernel form is struct path_profile in bpf/types.h.
type Profile struct {
	MTU     uint16     // IP packet size in bytes that nothing to the class exceeds
	Budget  uint16     // UDP payload in bytes that fits the MTU over IPv4 and IPv6 (MTU - 48)
	Initial uint16     // UDP payload in bytes of the first packets, MinInitial to MaxInitial
	Search  bool       // whether path MTU discovery may probe above Initial
	Source  mtu.Source // the layer that set the MTU
}

// NewProfile derives a profile from an MTU. A class whose MTU is only a default starts small and may search upwards; one
// with an MTU of its own starts at its budget and stays there, since the kernel would drop every probe above it.
func NewProfile(m mtu.Effective) Profile {
	budget := mtu.Budget(m.MTU)
	p := Profile{MTU: m.MTU, Budget: budget, Initial: min(max(budget, MinInitial), MaxInitial), Source: m.Source}
	if m.Source == mtu.SourceDefault {
		p.Initial, p.Search = MinInitial, true
	}
	return p
}
