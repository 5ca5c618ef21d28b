package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/control"
	"quicedge/internal/path"
)

// loopMetrics shows what the loop measures and learns, and how it does. The label of a class is one of those measured or learned of.
type loopMetrics struct {
	state   func() path.LoopAnswer
	classes func() []control.ClassState

	generation, age, ticks, lost, failing *prometheus.Desc
	mtu, learned, proven, networks        *prometheus.Desc
	rtt, loss, failures                   *prometheus.Desc
}

func newLoopMetrics(l *control.Loop) *loopMetrics {
	loop := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("quicedge_loop_"+name, help, nil, nil)
	}
	class := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("quicedge_path_"+name, help, append([]string{"province", "isp"}, more...), nil)
	}
	return &loopMetrics{
		state:   l.State,
		classes: l.Classes,

		generation: loop("generation", "Snapshots in force since the start, the present one included."),
		age:        loop("snapshot_age_seconds", "Since the Snapshot in force is."),
		ticks:      loop("ticks_total", "Looks at the measurements."),
		lost:       loop("events_lost_total", "Pieces of evidence that found no room."),
		failing:    loop("failing", "1 where the last look ended with an error, as quicedge status has it; else 0."),

		mtu:      class("mtu_bytes", "IP packet that nothing to the class exceeds, by the layer that set it.", "source"),
		learned:  class("learned_mtu_bytes", "IP packet that the paths of a class pass, where that is less than the table says."),
		proven:   class("proven_mtu_bytes", "IP packet that connections of a class may begin with, where one is proven."),
		networks: class("learned_networks", "Client networks that the evidence of a class comes from."),
		rtt:      class("rtt_seconds", "Smoothed round-trip time, where it is measured."),
		loss:     class("loss_ratio", "Smoothed share of packets that are lost, where it is measured."),
		failures: class("handshake_failure_ratio", "Smoothed share of handshakes that failed for their size, where it is measured."),
	}
}

// Describe implements prometheus.Collector.
func (m *loopMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.generation, m.age, m.ticks, m.lost, m.failing, m.mtu, m.learned, m.proven, m.networks, m.rtt, m.loss, m.failures,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *loopMetrics) Collect(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	s := m.state()
	send(m.generation, prometheus.GaugeValue, float64(s.Generation))
	send(m.age, prometheus.GaugeValue, s.AgeSec)
	send(m.ticks, prometheus.CounterValue, float64(s.Ticks))
	send(m.lost, prometheus.CounterValue, float64(s.EventsLost))
	failing := 0.0
	if s.LastError != "" {
		failing = 1
	}
	send(m.failing, prometheus.GaugeValue, failing)
	for _, c := range m.classes() {
		province, isp := labelsOf(c.Class)
		send(m.mtu, prometheus.GaugeValue, float64(c.Profile.MTU), province, isp, c.Profile.Source.String())
		send(m.networks, prometheus.GaugeValue, float64(c.Learned.Networks), province, isp)
		for _, one := range []struct {
			desc  *prometheus.Desc
			value float64
			known bool
		}{
			{m.learned, float64(c.Learned.MTU), c.Learned.MTU > 0},
			{m.proven, float64(c.Learned.Proven), c.Learned.Proven > 0},
			{m.rtt, c.RTT.Value, c.RTT.Known},
			{m.loss, c.Measured.LossRate.Value, c.Measured.LossRate.Known},
			{m.failures, c.Measured.FailureRate.Value, c.Measured.FailureRate.Known},
		} {
			if one.known {
				send(one.desc, prometheus.GaugeValue, one.value, province, isp)
			}
		}
	}
}
