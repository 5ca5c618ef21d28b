package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"

	"quicedge/internal/class"
	"quicedge/internal/config"
	"quicedge/internal/control"
	"quicedge/internal/dataplane"
	"quicedge/internal/measure"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
	"quicedge/internal/quicsrv"
)

// LoopSettings is what the settings say of the loop that measures and learns.
func LoopSettings(cfg config.Config, log *slog.Logger) control.Settings {
	return control.Settings{
		Tick: cfg.Tick,
		Log:  log,
		Measure: measure.Config{
			HalfLife: cfg.MeasureHalfLife, Expire: cfg.MeasureExpire,
			MinSamples: float64(cfg.MeasureMinSamples), MinPackets: float64(cfg.MeasureMinPackets),
		},
		Judge: mtu.JudgeConfig{Margin: float64(cfg.ConditionMargin) / 100, Dwell: cfg.ConditionDwell},
		Learn: mtu.LearnConfig{
			Window: cfg.LearnWindow, RaiseAfter: cfg.LearnRaiseAfter, MinNetworks: cfg.LearnMinNetworks, MinSamples: cfg.LearnMinSamples,
		},
	}
}

// loopSettings are those of this node. An agent sees no connection: there ICMP is all that is known of MTUs.
func (n *Node) loopSettings() control.Settings {
	s := LoopSettings(n.cfg, n.log)
	s.Learn.ICMPAlone = n.agent
	return s
}

// startLoop begins to measure, where there is something to be measured by.
func (n *Node) startLoop() {
	if n.public != nil {
		n.loop.Ask(&serverMeter{n.public})
	}
	if n.plane.plane != nil {
		n.loop.Ask(&kernelMeter{plane: n.plane.plane})
	}
	n.runLoop()
}

func (n *Node) runLoop() {
	ctx, cancel := context.WithCancel(n.life)
	n.endLoop = cancel
	n.looping.Go(func() { n.loop.Run(ctx) })
}

// stopLoop returns when what was learned is written down, and nothing is measured any more.
func (n *Node) stopLoop() {
	if n.endLoop != nil {
		n.endLoop()
		n.looping.Wait()
	}
}

// Explain says why an address gets its MTU, for the admin socket.
func (n *Node) Explain(addr netip.Addr) path.Explained { return n.loop.Explain(addr) }

// Rows are the overrides and the table, for the admin socket.
func (n *Node) Rows() []path.RowAnswer { return n.loop.Rows() }

// Learned is what was learned, by class, for the admin socket.
func (n *Node) Learned() map[class.ID]mtu.Learned { return n.loop.Learned() }

// Loop says how the loop does, for the admin socket.
func (n *Node) Loop() path.LoopAnswer { return n.loop.State() }

// serverMeter measures by the server's connections.
type serverMeter struct{ server *quicsrv.Server }

func (m *serverMeter) Measure(log control.Log) error {
	m.server.Poll(func(s quicsrv.Sample) { log.Sent(s.Addr, s.Sent, s.Lost, s.RTT) })
	return nil
}

// evidence is what a connection's event says of MTUs.
var evidence = map[quicsrv.EventKind]mtu.EvidenceKind{
	quicsrv.Finished:   mtu.Carried,
	quicsrv.Carried:    mtu.Carried,
	quicsrv.Discovered: mtu.Discovered,
	quicsrv.Failed:     mtu.Failed,
	quicsrv.Stalled:    mtu.Stalled,
}

// Observe takes what a connection shows to the loop.
func (n *Node) Observe(e quicsrv.Event) {
	n.loop.Shown(control.Event{Client: e.Addr, Kind: evidence[e.Kind], MTU: e.MTU, Finished: e.Kind == quicsrv.Finished})
}

// kernelMeter measures by what the data plane and the kernel have seen pass.
type kernelMeter struct {
	plane *dataplane.Plane
	seen  [class.Max]dataplane.ClassRTT
	asks  int
}

// toldEvery is how many ticks pass between two looks at what ICMP has told the kernel, which it remembers for minutes.
const toldEvery = 10

func (m *kernelMeter) Measure(log control.Log) error {
	all, err := m.plane.RTT()
	if err != nil {
		return err
	}
	for _, r := range all {
		before := &m.seen[r.Class]
		if r.Samples > before.Samples && r.Sum >= before.Sum { // else the counters began anew
			log.Handshakes(r.Class, r.Samples-before.Samples, r.Sum-before.Sum)
		}
		*before = r
	}
	if m.asks++; m.asks%toldEvery != 1 {
		return nil
	}
	return told(log)
}

func told(log control.Log) error {
	all, err := dataplane.PathMTUs()
	if err != nil {
		return fmt.Errorf("look at what icmp has told: %w", err)
	}
	for _, p := range all {
		log.Shown(control.Event{Client: p.Addr, Kind: mtu.Told, MTU: p.MTU})
	}
	return nil
}

var _ quicsrv.Observer = (*Node)(nil)
