package node

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
)

// kernelMetrics shows the data plane's counters, read from the maps at each scrape. Labels are bounded: the classes seen, the
// hooks and the reasons of the C enums, two address families.
type kernelMetrics struct {
	read func() (reading, error)
	log  *slog.Logger

	packets, bytes, initials, retries *prometheus.Desc
	rtt                               *prometheus.Desc
	prefixes, memory, generation      *prometheus.Desc
}

// reading is what one scrape reads.
type reading struct {
	loaded     bool
	stats      dataplane.Stats
	tables     dataplane.Tables
	generation uint64
}

func newKernelMetrics(read func() (reading, error), log *slog.Logger) *kernelMetrics {
	labels := func(more ...string) []string { return append([]string{"province", "isp"}, more...) }
	desc := func(name, help string, labels []string) *prometheus.Desc {
		return prometheus.NewDesc("quicedge_dataplane_"+name, help, labels, nil)
	}
	return &kernelMetrics{
		read: read,
		log:  log,

		packets:    desc("packets_total", "Packets that the programs let go, by class, hook and reason.", labels("hook", "reason")),
		bytes:      desc("bytes_total", "Bytes of those packets.", labels("hook", "reason")),
		initials:   desc("initials_total", "Datagrams that passed and begin with a QUIC Initial.", labels("hook")),
		retries:    desc("retries_total", "Datagrams that passed and begin with a QUIC Retry.", labels("hook")),
		rtt:        desc("handshake_rtt_seconds", "Round-trip times of QUIC handshakes, as the programs saw them pass.", labels()),
		prefixes:   desc("prefixes", "Prefixes in the table in force.", []string{"family"}),
		memory:     desc("table_memory_bytes", "Kernel memory of the prefix table in force.", []string{"family"}),
		generation: desc("generation", "Number of swaps of the prefix tables since the maps were made.", nil),
	}
}

// Describe implements prometheus.Collector.
func (m *kernelMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.packets, m.bytes, m.initials, m.retries, m.rtt, m.prefixes, m.memory, m.generation} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *kernelMetrics) Collect(out chan<- prometheus.Metric) {
	r, err := m.read()
	if err != nil {
		// Without these, not without all: one invalid metric would fail the whole scrape.
		m.log.Warn("the data plane's counters are missing from the metrics: see quicedge status", "error", err)
	}
	if err != nil || !r.loaded {
		return
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for _, n := range r.stats.Reasons {
		province, isp := labelsOf(n.Class)
		counter(m.packets, n.Packets, province, isp, n.Hook, n.Reason)
		counter(m.bytes, n.Bytes, province, isp, n.Hook, n.Reason)
	}
	for _, c := range r.stats.Classes {
		province, isp := labelsOf(c.Class)
		counter(m.initials, c.Initials, province, isp, c.Hook)
		counter(m.retries, c.Retries, province, isp, c.Hook)
	}
	for _, t := range r.stats.RTT {
		province, isp := labelsOf(t.Class)
		out <- prometheus.MustNewConstHistogram(m.rtt, t.Samples, t.Sum.Seconds(), rttBuckets(t), province, isp)
	}
	out <- prometheus.MustNewConstMetric(m.generation, prometheus.GaugeValue, float64(r.generation))
	for family, size := range map[string]dataplane.TableSize{"ipv4": r.tables.IPv4, "ipv6": r.tables.IPv6} {
		out <- prometheus.MustNewConstMetric(m.prefixes, prometheus.GaugeValue, float64(size.Prefixes), family)
		out <- prometheus.MustNewConstMetric(m.memory, prometheus.GaugeValue, float64(size.Bytes), family)
	}
}

func labelsOf(id class.ID) (province, isp string) { return id.Province().String(), id.ISP().String() }

// The kernel's buckets that become buckets of the metric: 1 ms and less, each twice the one before, up to 17 s.
const firstBucket, lastBucket = 9, 23

// rttBuckets adds up the kernel's buckets, as Prometheus has them: each holds all that is not above it.
func rttBuckets(t dataplane.ClassRTT) map[float64]uint64 {
	buckets := make(map[float64]uint64)
	var below uint64
	for i, n := range t.Buckets {
		below += n
		if i >= firstBucket && i <= lastBucket {
			buckets[dataplane.BucketTo(i).Seconds()] = below
		}
	}
	return buckets
}

// reading reads everything that the metrics show.
func (k *kernelSide) reading() (r reading, err error) {
	if k.plane == nil {
		return r, nil
	}
	if r.stats, err = k.plane.Stats(); err != nil {
		return r, err
	}
	if r.tables, err = k.plane.Tables(); err != nil {
		return r, err
	}
	r.generation, err = k.plane.Generation()
	r.loaded = true
	return r, err
}
