package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/quicsrv"
)

// handshakeMetrics shows how clients came in.
type handshakeMetrics struct {
	handshakes func() quicsrv.HandshakeCounts
	tickets    func() quicsrv.ResumptionCounts

	retries, early425, followed, repeated *prometheus.Desc
	sessions, early, memory               *prometheus.Desc
}

func newHandshakeMetrics(handshakes func() quicsrv.HandshakeCounts, tickets func() quicsrv.ResumptionCounts) *handshakeMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("quicedge_"+name, help, labels, nil)
	}
	return &handshakeMetrics{
		handshakes: handshakes,
		tickets:    tickets,

		retries:  desc("quic_retries_total", "Retry packets, by which clients prove their address under a flood."),
		early425: desc("http_too_early_total", "Requests of unsafe methods that came as early data and were answered 425."),
		followed: desc("quic_handshakes_followed_total", "Handshakes whose packets were followed, a sample."),
		repeated: desc("quic_initials_repeated_total", "Initial packets of those handshakes in which the server repeated itself."),
		sessions: desc("tls_tickets_total", "Session tickets that clients sent, by result: resumed, unknown.", "result"),
		early:    desc("tls_early_data_total", "Tickets that allowed 0-RTT, by verdict: accepted, or why not.", "verdict"),
		memory:   desc("strike_register_bytes", "Memory and disk of the register of tickets that have carried 0-RTT data."),
	}
}

// Describe implements prometheus.Collector.
func (m *handshakeMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.retries, m.early425, m.followed, m.repeated, m.sessions, m.early, m.memory} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *handshakeMetrics) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	h, t := m.handshakes(), m.tickets()
	counter(m.retries, h.Retries)
	counter(m.early425, h.TooEarly)
	counter(m.followed, h.Followed)
	counter(m.repeated, h.Repeated)
	counter(m.sessions, t.Resumed, "resumed")
	counter(m.sessions, t.Unknown, "unknown")
	for verdict, n := range t.Early {
		counter(m.early, n, verdict)
	}
	out <- prometheus.MustNewConstMetric(m.memory, prometheus.GaugeValue, float64(t.Bytes))
}
