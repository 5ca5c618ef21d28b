package node

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
)

// scrape returns what Prometheus is told, without comments.
func scrape(t *testing.T, m prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("scrape: %d %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func TestKernelMetricsShowWhatWasRead(t *testing.T) {
	id := class.Of(23, class.CMCC)
	r := reading{
		loaded: true,
		stats: dataplane.Stats{
			Classes: []dataplane.ClassStats{{Class: id, Hook: "ingress", Packets: 5, Initials: 3, Retries: 1}},
			Reasons: []dataplane.ReasonStats{{Class: id, Hook: "ingress", Reason: "mss-clamped", Packets: 2, Bytes: 120}},
			RTT:     []dataplane.ClassRTT{{Class: id, Samples: 4, Sum: 100 * time.Millisecond, Buckets: [32]uint64{3: 1, 9: 1, 14: 1, 30: 1}}},
		},
		tables:     dataplane.Tables{Kind: dataplane.TableDIR, IPv4: dataplane.TableSize{Prefixes: 7, Bytes: 1 << 25}, IPv6: dataplane.TableSize{Prefixes: 2, Bytes: 4096}},
		generation: 9,
	}
	got := scrape(t, newKernelMetrics(func() (reading, error) { return r, nil }, slog.Default()))
	for _, want := range []string{
		`bytes_total{hook="ingress",isp="CMCC",province="23",reason="mss-clamped"} 120`,
		`packets_total{hook="ingress",isp="CMCC",province="23",reason="mss-clamped"} 2`,
		`initials_total{hook="ingress",isp="CMCC",province="23"} 3`,
		`retries_total{hook="ingress",isp="CMCC",province="23"} 1`,
		`generation 9`,
		`prefixes{family="ipv4"} 7`,
		`prefixes{family="ipv6"} 2`,
		`table_memory_bytes{family="ipv4"} 3.3554432e+07`,
		`table_memory_bytes{family="ipv6"} 4096`,
		`handshake_rtt_seconds_bucket{isp="CMCC",province="23",le="0.001024"} 2`,
		`handshake_rtt_seconds_bucket{isp="CMCC",province="23",le="0.016384"} 2`,
		`handshake_rtt_seconds_bucket{isp="CMCC",province="23",le="0.032768"} 3`,
		`handshake_rtt_seconds_bucket{isp="CMCC",province="23",le="16.777216"} 3`,
		`handshake_rtt_seconds_bucket{isp="CMCC",province="23",le="+Inf"} 4`,
		`handshake_rtt_seconds_sum{isp="CMCC",province="23"} 0.1`,
		`handshake_rtt_seconds_count{isp="CMCC",province="23"} 4`,
	} {
		if !strings.Contains(got, "quicedge_dataplane_"+want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "handshake_rtt_seconds_bucket"); n != lastBucket-firstBucket+2 {
		t.Errorf("%d buckets", n)
	}
}

func TestAScrapeGoesOnWithoutTheDataPlane(t *testing.T) {
	var log bytes.Buffer
	for name, read := range map[string]func() (reading, error){
		"none is loaded":    (&kernelSide{}).reading,
		"it cannot be read": func() (reading, error) { return reading{}, errors.New("closed") },
	} {
		if got := scrape(t, newKernelMetrics(read, slog.New(slog.NewTextHandler(&log, nil)))); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "error=closed") {
		t.Errorf("log: %s", got)
	}
}
