package av

import (
	"time"

	"github.com/asticode/go-astiav"
)

// longestFragment is how much video a fragment holds: the receiver is that far behind.
const longestFragment = 500 * time.Millisecond

// cutter ends fragments of fragmented MP4 (ISO/IEC 14496-12, 8.8). The first holds one frame, so that the receiver sees
// something at once; each following one as much as all before it, up to the longest.
type cutter struct {
	m       *muxer
	longest int64 // in units of the video track
	first   int64 // times of the first frame, and of the first of this fragment
	start   int64
	begun   bool
	filled  []bool // by track: a packet was written
	indexed bool   // the index is out
}

func newCutter(m *muxer) cutter {
	return cutter{
		m: m, filled: make([]bool, len(m.bases)),
		longest: astiav.RescaleQ(longestFragment.Milliseconds(), astiav.NewRational(1, 1000), m.bases[0]),
	}
}

// add notes that a packet of a track is about to be written.
func (c *cutter) add(track int) { c.filled[track] = true }

// begin notes the time of a video packet; the first one counts.
func (c *cutter) begin(dts int64) {
	if !c.begun {
		c.begun, c.first, c.start = true, dts, dts
	}
}

// before ends the fragment where p, the next video packet, shall begin another.
func (c *cutter) before(p *astiav.Packet) error {
	if c.m.format.Container != FragmentedMP4 {
		return nil
	}
	lasted, wanted := p.Dts()-c.start, min(c.start-c.first, c.longest)
	if lasted < wanted && !p.Flags().Has(astiav.PacketFlagKey) || c.waits() {
		return nil
	}
	c.start = p.Dts()
	return c.cut()
}

// waits says that the index cannot be written yet: it describes AC-3 by what stands in its first packet.
func (c *cutter) waits() bool {
	if c.indexed {
		return false
	}
	for i, filled := range c.filled {
		if filled {
			continue
		}
		switch c.m.format.audio[i-1].parameters.CodecID() {
		case astiav.CodecIDAc3, astiav.CodecIDEac3:
			return true
		}
	}
	return false
}

func (c *cutter) cut() error {
	// The times of the next fragment are those of its packets, not where the durations of this one lead.
	if err := c.m.explain("end fragment", setOption(c.m.context, "movflags", "+frag_discont").err()); err != nil {
		return err
	}
	if !c.indexed {
		c.indexed = true
		if err := c.announce(); err != nil {
			return err
		}
		if err := c.m.explain("write index", writePacket(c.m.context, nil).err()); err != nil {
			return err
		}
	}
	return c.m.explain("write fragment", writePacket(c.m.context, nil).err())
}

// announce tells the muxer where tracks begin of which it has no packet yet, when that is before 0: only the index can say so.
// A later begin is in the times of the fragment.
func (c *cutter) announce() error {
	for i, filled := range c.filled {
		if filled || i == 0 {
			continue // the picture's own track needs no other's word; it may have nothing when all of it is damaged
		}
		t := &c.m.format.audio[i-1]
		start := astiav.RescaleQ(t.start, t.times.base, c.m.bases[i])
		start = min(start-1, 0) // times grow strictly, and its first packet follows
		empty := astiav.AllocPacket()
		empty.SetStreamIndex(i)
		empty.SetDts(start)
		empty.SetPts(start)
		r := writePacket(c.m.context, empty)
		empty.Free()
		if err := c.m.explain("announce audio", r.err()); err != nil {
			return err
		}
		c.m.lastDTS[i] = start
	}
	return nil
}

// finish writes the index of a video so short that no fragment has ended.
func (c *cutter) finish() error {
	if c.m.format.Container != FragmentedMP4 || c.indexed {
		return nil
	}
	return c.cut()
}
