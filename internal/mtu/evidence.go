package mtu

import (
	"fmt"
	"net/netip"
	"time"

	"quicedge/internal/class"
)

// EvidenceKind says what happened on a path.
type EvidenceKind uint8

// The kinds of evidence. All but Told come from connections whose handshake completed: an address that may be spoofed proves nothing
// (RFC 9000, section 8).
const (
	Discovered EvidenceKind = 1 + iota // a search for the path MTU (RFC 8899) has ended: MTU passed, it found nothing larger
	Carried                            // a connection began at MTU and works
	Failed                             // a handshake begun at MTU was never finished, then one from the same network begun at 1200 was
	Stalled                            // a connection died because packets of MTU were lost while small ones arrived
	Told                               // the kernel was told MTU by ICMP
)

var evidenceNames = [...]string{"none", "discovered", "carried", "failed", "stalled", "told"}

func (k EvidenceKind) String() string {
	if int(k) >= len(evidenceNames) {
		return fmt.Sprintf("EvidenceKind(%d)", uint8(k))
	}
	return evidenceNames[k]
}

// Evidence is what one connection, or the kernel, has shown of the path to a client.
type Evidence struct {
	Class class.ID
	Net   netip.Prefix // of the client: NetworkOf its address
	Kind  EvidenceKind
	MTU   uint16 // IP packet size in bytes

	// Limit is the IP packet size in bytes above which the search did not go, the least while it lasted: the MTU in force for the
	// class, and what the client takes (max_udp_payload_size, RFC 9000, section 18.2). What ends there shows what passes and
	// nothing of where the path ends. 0: what the learner knows to be in force.
	Limit uint16
	At    time.Time
}

// NetworkOf returns the network whose clients have one vote together: the /24 of an IPv4 address, the /48 of an IPv6 address (what a
// site is given, RFC 6177).
func NetworkOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address
	}
	return p
}
