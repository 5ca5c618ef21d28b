// Package link emulates the networks between clients and an edge, in userspace: it forwards IP packets between two TUN devices,
// and gives those of each class of clients the delay, loss, rate, MTU and NAT of that class's link. What happens to a packet
// depends on the seed, the link, the direction and the packet's number alone, so that a run can be repeated.
//
// It serves tests and the lab. All of it works on given points in time, except Forward, which runs it on the clock.
package link

import (
	"fmt"
	"time"
)

// Direction is the way of a packet.
type Direction uint8

// The directions of a link.
const (
	Up   Direction = iota // client to edge
	Down                  // edge to client
	directions
)

func (d Direction) String() string {
	if d == Up {
		return "up"
	}
	return "down"
}

// Settings are what a link does to packets.
type Settings struct {
	Up, Down Path
	NAT      NAT
}

// Path is what a link does in one direction. The zero value passes everything at once.
type Path struct {
	Delay  time.Duration // after the queue
	Jitter time.Duration // up to so much more, evenly spread; a packet never overtakes the one before it
	Loss   float64       // share of packets lost at random, 0 to 1
	Burst  Burst
	Large  Large
	Rate   int64 // bit/s of IP packets; 0: without limit
	Queue  int   // bytes that wait for Rate, more are lost; 0: what Rate carries in 100 ms, 16 KiB at least
	MTU    int   // bytes of the largest IP packet that passes; 0: any
	ICMP   bool  // whether the sender of a larger one is told
}

// Burst is bursty loss (Gilbert 1960, Elliott 1963): the link is good or bad, each packet may change that, and a bad one loses Loss
// of the packets. The mean length of a bad time is 1/Leave packets, its share Enter/(Enter+Leave).
type Burst struct {
	Enter, Leave float64 // chance that a packet finds the link turned bad, or good again
	Loss         float64 // share lost while bad
}

// Bursts returns the Burst that loses a share of all packets, in bursts of a mean length. Both must be above 0 for any loss; the
// length is one packet or more.
func Bursts(share, length float64) Burst {
	if share <= 0 || share >= 1 || length < 1 {
		return Burst{}
	}
	leave := 1 / length
	return Burst{Enter: leave * share / (1 - share), Leave: leave, Loss: 1}
}

// Large is loss that depends on the size: of the packets of more than Size bytes, a share of Loss.
type Large struct {
	Size int // bytes of the IP packet; 0: off
	Loss float64
}

// NAT is a translator of ports on the client's side. It keeps addresses, so that a client stays in its class.
type NAT struct {
	On      bool
	Timeout time.Duration // a mapping that carried nothing outwards for so long is forgotten (RFC 4787, section 4.3); 0: never
}

// Carries returns the bytes of the largest IP packet that no rule about sizes may lose, 0 for any.
func (p Path) Carries() int {
	size := p.MTU
	if p.Large.Size > 0 && p.Large.Loss > 0 && (size == 0 || p.Large.Size < size) {
		size = p.Large.Size
	}
	return size
}

// Longest returns the longest that a packet may take.
func (p Path) Longest() time.Duration {
	t := p.Delay + p.Jitter
	if p.Rate > 0 {
		t += time.Duration(int64(p.queue()) * int64(8*time.Second) / p.Rate)
	}
	return t
}

const (
	queueTime  = 100 * time.Millisecond
	queueLeast = 16 << 10
)

func (p Path) queue() int {
	if p.Queue > 0 {
		return p.Queue
	}
	return max(queueLeast, int(p.Rate*int64(queueTime/time.Millisecond)/8000))
}

// Check says what is wrong with settings.
func (s Settings) Check() error {
	for d, p := range map[Direction]Path{Up: s.Up, Down: s.Down} {
		for name, share := range map[string]float64{"loss": p.Loss, "enter": p.Burst.Enter, "leave": p.Burst.Leave, "burst loss": p.Burst.Loss, "loss above a size": p.Large.Loss} {
			if !(share >= 0 && share <= 1) {
				return fmt.Errorf("link %s: %s of %g: give a share from 0 to 1", d, name, share)
			}
		}
		if p.Delay < 0 || p.Jitter < 0 || p.Rate < 0 || p.Queue < 0 || p.MTU < 0 || p.Large.Size < 0 {
			return fmt.Errorf("link %s: %+v: nothing may be negative", d, p)
		}
	}
	if s.NAT.Timeout < 0 {
		return fmt.Errorf("link: nat timeout of %s: give 0 or more", s.NAT.Timeout)
	}
	return nil
}
