package node

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// kernelMetrics shows the data plane's counters, read from the maps at each scrape. Labels are bounded: the classes seen, two
// hooks, the reasons of the C enum.
type kernelMetrics struct {
	kernel         *kernelSide
	log            *slog.Logger
	packets, bytes *prometheus.Desc
}

func newKernelMetrics(k *kernelSide, log *slog.Logger) *kernelMetrics {
	labels := []string{"province", "isp", "hook", "reason"}
	return &kernelMetrics{
		kernel:  k,
		log:     log,
		packets: prometheus.NewDesc("quicedge_dataplane_packets_total", "Packets that the tc programs let go, by class, hook and reason.", labels, nil),
		bytes:   prometheus.NewDesc("quicedge_dataplane_bytes_total", "Bytes of those packets.", labels, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *kernelMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.packets
	out <- m.bytes
}

// Collect implements prometheus.Collector.
func (m *kernelMetrics) Collect(out chan<- prometheus.Metric) {
	if m.kernel.plane == nil {
		return
	}
	stats, err := m.kernel.plane.Stats()
	if err != nil {
		// Without these, not without all: one invalid metric would fail the whole scrape.
		m.log.Warn("the data plane's counters are missing from the metrics: see quicedge stats", "error", err)
		return
	}
	for _, r := range stats.Reasons {
		labels := []string{r.Class.Province().String(), r.Class.ISP().String(), r.Hook, r.Reason}
		out <- prometheus.MustNewConstMetric(m.packets, prometheus.CounterValue, float64(r.Packets), labels...)
		out <- prometheus.MustNewConstMetric(m.bytes, prometheus.CounterValue, float64(r.Bytes), labels...)
	}
}
