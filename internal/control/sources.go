package control

import (
	"net/netip"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// Kernel is the data plane, as far as the loop drives it.
type Kernel interface {
	// Apply makes the kernel's maps say what the Snapshot says, or changes nothing. It returns how many entries it changed.
	Apply(*path.Snapshot) (int, error)

	// Update writes one class's profile. It is one write, of the words that differ.
	Update(class.ID, path.Profile) error

	// Delete makes a class one of which nothing is known.
	Delete(class.ID) error

	// Prune makes all profiles those of the Snapshot, also where another has written to them. It returns how many were not, and keeps
	// no Snapshot.
	Prune(*path.Snapshot) (int, error)
}

// Meter is something that measures paths. The loop asks at every tick for what is new.
type Meter interface {
	Measure(Log) error
}

// Log takes measurements in.
type Log interface {
	// Sent tells of packets that went to a client: how many, how many of them were lost, and the round-trip time, 0 for unknown.
	Sent(client netip.Addr, packets, lost uint64, rtt time.Duration)

	// Handshakes tells of n handshakes with clients of a class whose round trips took sum together.
	Handshakes(id class.ID, n uint64, sum time.Duration)

	// Shown tells what a client's path has shown.
	Shown(Event)
}

// Event is what the path to one client has shown. Only what a validated client shows may become one.
type Event struct {
	Client netip.Addr
	Kind   mtu.EvidenceKind
	MTU    uint16 // bytes of the IP packet

	// Finished says that this is a handshake's end.
	Finished bool
}
