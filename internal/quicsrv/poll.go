package quicsrv

import (
	"context"
	"time"

	"github.com/quic-go/quic-go"
)

// endedRoom bounds the samples kept of connections that have ended since the last Poll. Of more than that, the others are not
// counted: they are of the same paths.
const endedRoom = 4096

// tally is what was known of a connection at the last looks. The gate's lock guards it.
type tally struct {
	sent, lost uint64
	received   uint64
	looks      looks
}

// sample takes what is new of a connection; ok is false where the client was not heard since.
func (t *tally) sample(stats quic.ConnectionStats, now time.Time) (s Sample, ok bool) {
	if stats.PacketsReceived <= t.received || stats.SmoothedRTT <= 0 {
		return s, false
	}
	s = Sample{RTT: stats.SmoothedRTT, Sent: since(stats.PacketsSent, t.sent), Lost: since(stats.PacketsLost, t.lost)}
	t.sent, t.lost, t.received = stats.PacketsSent, max(t.lost, stats.PacketsLost), stats.PacketsReceived
	t.looks.add(stats, now)
	return s, true
}

// Poll calls each for every validated connection that has heard of its client since the last Poll, those that have ended since
// included. It allocates nothing. It holds a lock that new connections wait for: each must be quick and must not call the server.
func (s *Server) Poll(each func(Sample)) { s.gate.poll(each) }

func (g *gate) poll(each func(Sample)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for conn, c := range g.conns {
		if c == nil || !c.validated.Load() {
			continue
		}
		if sample, ok := c.tally.sample(conn.ConnectionStats(), now); ok {
			sample.Addr = addrOf(conn.RemoteAddr())
			each(sample)
		}
	}
	for _, sample := range g.ended {
		each(sample)
	}
	g.ended = g.ended[:0]
}

// forget takes a connection that has ended out, keeps what it has not told yet, and judges how it ended.
func (g *gate) forget(conn *quic.Conn, c *connection) {
	if c != nil {
		c.settle()
	}
	g.mu.Lock()
	delete(g.conns, conn)
	if c == nil || !c.validated.Load() {
		g.mu.Unlock()
		return
	}
	if sample, ok := c.tally.sample(conn.ConnectionStats(), time.Now()); ok && len(g.ended) < endedRoom {
		sample.Addr = addrOf(conn.RemoteAddr())
		g.ended = append(g.ended, sample)
	}
	stalled := c.tally.looks.stalled(context.Cause(conn.Context()), c.attempt.size, c.profile.Search)
	g.mu.Unlock()
	if stalled {
		c.observe(Event{Kind: Stalled, MTU: c.packet(c.attempt.size)})
	}
}
