package link

import "encoding/json"

// Reason is why a packet was lost.
type Reason uint8

// The reasons. None is that of a packet that passed.
const (
	None     Reason = iota
	Random          // by chance
	Bursty          // by chance, in a burst
	Size            // by chance, for being larger than Large.Size
	Queue           // the queue was full
	MTU             // larger than the path's MTU
	NoPort          // to a port that the NAT has no mapping for, or it has no port left
	Overflow        // the emulator itself held too many packets
	reasons
)

var reasonNames = [reasons]string{"none", "random", "burst", "size", "queue", "mtu", "nat", "overflow"}

func (r Reason) String() string { return reasonNames[r] }

// Losses counts lost packets by reason.
type Losses [reasons]uint64

// ForSize returns the packets that were lost for their size, whether all of that size are or a share.
func (l Losses) ForSize() uint64 { return l[MTU] + l[Size] }

// All returns the packets that were lost.
func (l Losses) All() (n uint64) {
	for _, v := range l {
		n += v
	}
	return n
}

// MarshalJSON writes the losses as an object, by the reasons that there were.
func (l Losses) MarshalJSON() ([]byte, error) {
	out := map[string]uint64{}
	for r, n := range l {
		if n > 0 {
			out[Reason(r).String()] = n
		}
	}
	return json.Marshal(out)
}

// Counters are what a link has counted in one direction since it was made.
type Counters struct {
	Packets uint64 `json:"packets"` // offered to the link
	Bytes   uint64 `json:"bytes"`   // of IP packets, offered
	UDP     uint64 `json:"udp"`     // packets of Packets
	TCP     uint64 `json:"tcp"`
	Carried uint64 `json:"carried"` // packets that passed
	Lost    Losses `json:"lost"`
	Told    uint64 `json:"told"` // ICMP errors sent back

	// UDP datagrams of more than Path.Carries, passed or lost: the first of each connection (client's address and port, edge's port),
	// and later ones.
	OversizeFirst uint64 `json:"oversize_first"`
	OversizeAfter uint64 `json:"oversize_after"`
}

// Less returns what was counted since an earlier reading.
func (c Counters) Less(earlier Counters) Counters {
	c.Packets -= earlier.Packets
	c.Bytes -= earlier.Bytes
	c.UDP -= earlier.UDP
	c.TCP -= earlier.TCP
	c.Carried -= earlier.Carried
	c.Told -= earlier.Told
	c.OversizeFirst -= earlier.OversizeFirst
	c.OversizeAfter -= earlier.OversizeAfter
	for i := range c.Lost {
		c.Lost[i] -= earlier.Lost[i]
	}
	return c
}
