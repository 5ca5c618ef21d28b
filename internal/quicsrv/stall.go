package quicsrv

import (
	"errors"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	// stallLosses is how many large packets must have been lost.
	stallLosses = 3

	// mostProbes is more than the probes that a path MTU discovery loses: those are larger than anything else that is sent.
	mostProbes = 16
)

// looks are what a connection had done when its client was heard last, and at a time lookEvery to twice that before: with looks that
// were closer, a loss would have been seen before the last word of the client.
type looks struct {
	last, before, next quic.ConnectionStats
	taken              time.Time // of next
}

const lookEvery = 2 * time.Second

func (l *looks) add(stats quic.ConnectionStats, now time.Time) {
	l.last = stats
	if now.Sub(l.taken) >= lookEvery {
		l.before, l.next, l.taken = l.next, stats, now
	}
}

// stalled reports whether a validated connection has died because its path takes small packets and no large ones any more.
//
// Most connections that time out belong to clients that are gone, and these must not count. They fall silent in both directions:
// nothing that the server sends is acknowledged, so that nothing is found lost any more, and what was lost before was little beside
// what arrived. Here the client has acknowledged something, by which a third of what was sent to it was found lost (of the rest about
// as much are the same packets, sent again), and that was at its mean as large as what the connection began with, to searchGap: so
// what arrived was smaller. A path that shrinks within a download and then gets large packets alone looks like a client that is
// gone, and is left out: the next handshakes will tell.
func (l *looks) stalled(cause error, start uint16, searched bool) bool {
	var idle *quic.IdleTimeoutError
	if !errors.As(cause, &idle) {
		return false
	}
	least := uint64(stallLosses)
	if searched {
		least += mostProbes
	}
	sent, lost := since(l.last.PacketsSent, l.before.PacketsSent), since(l.last.PacketsLost, l.before.PacketsLost)
	return lost >= least && 3*lost >= sent && since(l.last.BytesLost, l.before.BytesLost) >= lost*uint64(start-searchGap)
}

// since is how much a counter has grown. Losses shrink when packets that were declared lost arrive.
func since(now, before uint64) uint64 {
	if now < before {
		return 0
	}
	return now - before
}
