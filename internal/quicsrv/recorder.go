package quicsrv

import (
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"

	"quicedge/internal/path"
)

// recorder picks the events of path MTU discovery out of all that a connection records. They come from the goroutine of the
// connection alone, after its handshake.
type recorder struct {
	*connection
	probe  *probe
	spoken *spoken
}

// probe is the one in flight: discovery has one at a time.
type probe struct {
	number int64
	size   int
}

func newRecorder(c *connection) recorder { return recorder{c, &probe{number: -1}, new(spoken)} }

// RecordEvent implements qlogwriter.Recorder.
func (r recorder) RecordEvent(event qlogwriter.Event) {
	switch e := event.(type) {
	case qlog.PacketSent:
		r.paths.initials.sent(r.spoken, e)
		if e.IsMTUProbePacket {
			*r.probe = probe{int64(e.Header.PacketNumber), e.Raw.Length}
		}
	case qlog.PacketLost:
		if e.IsMTUProbePacket && int64(e.Header.PacketNumber) == r.probe.number {
			r.ended(r.search.lost(r.probe.size))
		}
	case qlog.MTUUpdated:
		r.ended(r.search.acked(e.Value, e.Done))
	case qlog.ParametersSet:
		if e.Initiator == qlog.InitiatorRemote {
			r.search.ceiling(int(e.MaxUDPPayloadSize))
		}
	case qlog.TupleAssigned: // "" is the path in use: the client has moved, and quic-go begins again
		if e.TupleID == "" {
			*r.probe = probe{number: -1}
			r.search.reset(r.profile.Initial)
		}
	}
}

// Close implements qlogwriter.Recorder. A search that the connection was too short for has shown what passed so far.
func (r recorder) Close() error {
	if !r.search.over && r.search.passed > int(r.profile.Initial) {
		r.observe(Event{Kind: Carried, MTU: r.packet(uint16(r.search.passed))})
	}
	return nil
}

// ended reports the result of a search that is over. A path that refuses only what the class's MTU rules out is as the table says:
// in most places the kernel drops those probes.
func (r recorder) ended(over bool) {
	if !over {
		return
	}
	kind := Discovered
	if !r.search.refuses(max(r.profile.Budget, path.MinInitial)) {
		kind = Carried
	}
	_, network := prefixesOf(r.address())
	r.paths.tellers.told(network, r.paths.now())
	r.observe(Event{Kind: kind, MTU: r.packet(uint16(r.search.passed))})
}
