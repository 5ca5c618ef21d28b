package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/quicsrv"
)

// refusalMetrics shows which clients were too many.
type refusalMetrics struct {
	refused   func() quicsrv.Refused
	quic, tcp *prometheus.Desc
}

func newRefusalMetrics(refused func() quicsrv.Refused) *refusalMetrics {
	return &refusalMetrics{
		refused: refused,
		quic:    prometheus.NewDesc("quicedge_quic_refused_total", "Initial packets and connections over QUIC that were refused, by the bound that they met.", []string{"reason"}, nil),
		tcp:     prometheus.NewDesc("quicedge_tcp_refused_total", "Connections over TCP that were refused, by the bound that they met.", []string{"reason"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *refusalMetrics) Describe(out chan<- *prometheus.Desc) { out <- m.quic; out <- m.tcp }

// Collect implements prometheus.Collector.
func (m *refusalMetrics) Collect(out chan<- prometheus.Metric) {
	r := m.refused()
	for desc, counts := range map[*prometheus.Desc]map[quicsrv.Refusal]uint64{m.quic: r.QUIC, m.tcp: r.TCP} {
		for reason, n := range counts {
			out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), reason.String())
		}
	}
}
