package edge

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"quicedge/internal/class"
)

// metrics are bounded: 4 protocols, the handlers' names, the statuses in use, and the classes.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	classes  *prometheus.CounterVec
	inFlight prometheus.Gauge
	early    prometheus.Counter

	mu      sync.RWMutex
	counted map[series]*counters
}

// durations reach from a file in memory (half a millisecond) to a long upload (five minutes), in seconds.
var durations = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

func newMetrics(to *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		counted: map[series]*counters{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quicedge_http_requests_total", Help: "Requests that have ended, by protocol, status and handler.",
		}, []string{"proto", "code", "handler"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quicedge_http_request_duration_seconds", Help: "Time from a request's header to the end of its handler.", Buckets: durations,
		}, []string{"proto", "handler"}),
		classes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quicedge_http_class_requests_total", Help: "Requests that have ended, by the client's province and ISP.",
		}, []string{"province", "isp"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quicedge_http_requests_in_flight", Help: "Requests in progress.",
		}),
		early: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quicedge_http_early_data_requests_total", Help: "Requests that came as 0-RTT data, and were read before the handshake was complete.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.classes, m.inFlight, m.early} {
		if err := to.Register(c); err != nil {
			return nil, fmt.Errorf("register http metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) observe(handler string, r *http.Request, status int, of class.ID, took time.Duration) {
	k := series{handler, protocol(r), status, of}
	m.mu.RLock()
	c := m.counted[k]
	m.mu.RUnlock()
	if c == nil {
		c = m.count(k)
	}
	c.requests.Inc()
	c.duration.Observe(took.Seconds())
	c.classes.Inc()
	if early(r) {
		m.early.Inc()
	}
}

// series is what the metrics of a request are told by.
type series struct {
	handler, proto string
	status         int
	of             class.ID
}

// counters are those of a series, found once: to find them by their labels takes longer than to count.
type counters struct {
	requests, classes prometheus.Counter
	duration          prometheus.Observer
}

func (m *metrics) count(k series) *counters {
	c := &counters{
		requests: m.requests.WithLabelValues(k.proto, strconv.Itoa(k.status), k.handler),
		duration: m.duration.WithLabelValues(k.proto, k.handler),
		classes:  m.classes.WithLabelValues(k.of.Province().String(), k.of.ISP().String()),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counted[k] = c
	return c
}

// protocol names a request's protocol as ALPN does (RFC 7301), so that a label has four values at most.
func protocol(r *http.Request) string {
	switch {
	case r.ProtoMajor == 3:
		return "h3"
	case r.ProtoMajor == 2:
		return "h2"
	case r.ProtoAtLeast(1, 1):
		return "http/1.1"
	}
	return "http/1.0"
}

func (e *Edge) showMetrics() http.HandlerFunc {
	return promhttp.HandlerFor(e.cfg.Registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // one broken collector must not hide the rest
	}).ServeHTTP
}
