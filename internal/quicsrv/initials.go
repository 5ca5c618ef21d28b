package quicsrv

import (
	"sync/atomic"

	"github.com/quic-go/quic-go/qlog"
)

// initials counts the Initial packets that a server had to repeat. quic-go tells of packets only where a connection is traced, so that
// these are a sample.
type initials struct{ followed, repeated atomic.Uint64 }

// spoken is how far a connection's server has spoken in Initial packets.
type spoken struct{ sent int64 }

// sent looks at a packet that goes out. What it says from before the farthest point was said already, and is lost or late.
func (n *initials) sent(c *spoken, e qlog.PacketSent) {
	if e.Header.PacketType != qlog.PacketTypeInitial {
		return
	}
	again, first := false, c.sent == 0
	for _, frame := range e.Frames {
		f, ok := frame.Frame.(*qlog.CryptoFrame)
		if !ok {
			continue
		}
		again = again || f.Offset < c.sent
		c.sent = max(c.sent, f.Offset+f.Length)
	}
	if first && c.sent > 0 {
		n.followed.Add(1)
	}
	if again {
		n.repeated.Add(1)
	}
}
