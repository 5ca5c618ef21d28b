// Package path holds what the node does for a class of clients: its path profile, and the immutable Snapshot of all of them
// that the kernel and the server are both given.
package path

import (
	"math"
	"time"

	"quicedge/internal/mtu"
)

// Datagram payload sizes in bytes that QUIC can start with.
const (
	MinInitial = 1200 // RFC 9000, section 14.1: no smaller path carries QUIC
	MaxInitial = 1452 // an Ethernet frame less the IPv6 and UDP headers; quic-go panics above it
)

// Profile is how the node treats connections of a class. Its kernel form is struct path_profile in bpf/types.h. The zero value is
// that of a class of which nothing is known.
type Profile struct {
	MTU     uint16     // IP packet size in bytes that nothing to the class exceeds
	Budget  uint16     // UDP payload in bytes that fits the MTU over IPv4 and IPv6 (MTU - 48)
	Initial uint16     // UDP payload in bytes of the first packets, MinInitial to MaxInitial
	Search  bool       // whether path MTU discovery may probe above Initial
	Source  mtu.Source // the layer that set the MTU
	Proven  uint16     // IP packet size in bytes that validated connections have shown to pass, 0: none
	Probing bool       // the MTU was lowered once and is being tried again

	ACK         ACK
	KeepAlive   time.Duration // silence after which the server sends a packet
	IdleTimeout time.Duration // silence after which the server gives a connection up

	RTT  time.Duration // smoothed, in whole microseconds; 0: not measured
	Loss Loss          // smoothed
}

// Known is what is known of a class when its profile is made. Of all but MTU the zero value says that nothing is.
type Known struct {
	MTU        mtu.Effective
	Proven     uint16        // IP packet size in bytes that validated connections have shown to pass
	Probing    bool          // an MTU that the learner had lowered is being tried again
	NATTimeout time.Duration // how long a NAT of the class's ISP remembers a silent flow; 0: DefaultNATTimeout
	RTT        time.Duration
	Loss       Loss
}

// New makes a profile. A class with nothing proven starts at the size that every path of QUIC carries and searches upwards: no
// wrong table can make its handshakes fail. A proven one starts at what passes, and searches only while something above it could be
// had: its MTU is being tried again, or is a default that no one has measured, or lies further above what is proven than a search may
// end. Without the last, the first few networks to come, of which one may be hostile, would hold the rest at what they passed.
func New(k Known) Profile {
	p := Profile{MTU: k.MTU.MTU, Budget: mtu.Budget(k.MTU.MTU), Initial: MinInitial, Search: true, Source: k.MTU.Source, Probing: k.Probing}
	if k.Proven >= mtu.Min {
		p.Proven = k.Proven
		p.Initial = min(max(min(p.Budget, mtu.Budget(k.Proven)), MinInitial), MaxInitial)
		p.Search = k.Probing || k.MTU.Source == mtu.SourceDefault || p.Initial+mtu.Precision < min(p.Budget, MaxInitial)
	}
	p.KeepAlive = KeepAlive(k.NATTimeout)
	p.IdleTimeout = IdleTimeout(p.KeepAlive)
	p.RTT, p.Loss = max(k.RTT, 0).Truncate(time.Microsecond), k.Loss
	p.ACK = PolicyFor(p.RTT, p.Loss)
	return p
}

// NewProfile derives a profile from an MTU that is taken at its word: one that a layer gives for the class counts as proven, a
// default does not.
func NewProfile(m mtu.Effective) Profile { return New(taken(m)) }

// taken is what is known of a class where nothing but a table speaks of it.
func taken(m mtu.Effective) Known {
	k := Known{MTU: m}
	if m.Source != mtu.SourceDefault {
		k.Proven = m.MTU
	}
	return k
}

// lossScale is the precision of a Loss: a hundredth of a percent.
const lossScale = 10_000

// Loss is a share of packets that are lost, to a hundredth of a percent. The zero value is one that is not measured.
type Loss struct {
	delivered uint16 // of 10,000 packets those that arrive, 0: not measured
}

// LossOf makes a Loss of a ratio, 0 to 1. One that is no ratio, and the loss of everything, which nobody can measure, are none.
func LossOf(ratio float64) Loss {
	if !(ratio >= 0 && ratio <= 1) {
		return Loss{}
	}
	return Loss{uint16(math.Round((1 - ratio) * lossScale))}
}

// LossOfDelivered makes a Loss of how many of 10,000 packets arrive; 0 and numbers above that are none.
func LossOfDelivered(n uint16) Loss {
	if n > lossScale {
		return Loss{}
	}
	return Loss{n}
}

// Known reports whether the loss was measured.
func (l Loss) Known() bool { return l.delivered > 0 }

// Ratio returns lost packets over sent ones, 0 to 1; 0 where it was not measured.
func (l Loss) Ratio() float64 {
	if !l.Known() {
		return 0
	}
	return float64(lossScale-l.delivered) / lossScale
}

// Delivered returns how many of 10,000 packets arrive; 0 where it was not measured.
func (l Loss) Delivered() uint16 { return l.delivered }
