package quicsrv

import (
	"net/netip"
	"time"
)

// Observer is told what connections show of their paths. All of it comes from clients whose addresses are validated: they have
// answered to what was sent there, so that nobody can make it up for another's network.
type Observer interface {
	// Observe is called from the goroutines of connections, several at a time. It must not block.
	Observe(Event)
}

// Event is what one connection shows.
type Event struct {
	Kind EventKind
	Addr netip.Addr // of the client, never an IPv4-mapped one

	// MTU is the size of the IP packet that was seen, in bytes: by 28 more than the datagram's payload over IPv4, by 48 over IPv6.
	// A class has clients of both, on the same paths: so what the payload alone says of one family does not hold for the other.
	MTU uint16

	// Took is how long the handshake lasted, for Finished alone. Losses are in it.
	Took time.Duration
}

// EventKind is what an Event is about.
type EventKind uint8

// Kinds of events. A connection has one Finished or none, and after it at most one Carried, Discovered and Stalled for each path
// that it takes; Failed is of another connection of the same host.
const (
	// Finished: a handshake is complete, and so datagrams of its first size pass: that with the server's first message had it.
	Finished EventKind = iota + 1

	// Discovered: path MTU discovery has ended, and the path refuses what the class's MTU allows. MTU is what passes.
	Discovered

	// Carried: path MTU discovery has ended without that, or the connection before it. MTU is the largest size that passed; the path may
	// carry more.
	Carried

	// Failed: a handshake that began at this size was never finished, and a later one of the same host at path.MinInitial was.
	Failed

	// Stalled: a connection that began at this size has died while its large packets were lost and small ones were not.
	Stalled
)

var eventNames = [...]string{"", "finished", "discovered", "carried", "failed", "stalled"}

func (k EventKind) String() string {
	if int(k) >= len(eventNames) {
		return "unknown"
	}
	return eventNames[k]
}

// Sample is what a connection has sent since the last one, and its round-trip time.
type Sample struct {
	Addr netip.Addr
	RTT  time.Duration // smoothed
	Sent uint64        // packets
	Lost uint64        // packets; some that were declared lost may have come late
}
