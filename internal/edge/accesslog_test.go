package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAccessLogSaysWhoHowAndHowFar(t *testing.T) {
	var log bytes.Buffer
	e := newEdge(t, func(cfg *Config) {
		cfg.AccessLog, cfg.Log = true, slog.New(slog.NewTextHandler(&log, nil)).With("edge-region", "hlj-01")
		cfg.Connection = func(context.Context) Connection { return Connection{RTT: 31 * time.Millisecond} }
	})
	r := httptest.NewRequest("GET", "/livez", nil)
	r.ProtoMajor, r.ProtoMinor = 3, 0
	r.TLS = &tls.ConnectionState{HandshakeComplete: false}
	r.Header.Set(TraceParent, parentOf)
	r.Header.Set(RequestIDHeader, "r-1")
	ask(e.Operator(), r)
	for _, want := range []string{
		"level=INFO", "edge-region=hlj-01", "request_id=r-1", "trace_id=" + parentOf[3:35], "proto=h3", "early_data=true", "rtt=31ms",
		"status=200", "province=23", "isp=CMCC", "bytes=2", "client=192.0.2.1",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, log.String())
		}
	}
}

func TestOrdinaryRequestsAreNewsOnlyInTheAccessLog(t *testing.T) {
	for _, on := range []bool{false, true} {
		var log bytes.Buffer
		e := newEdge(t, func(cfg *Config) { cfg.AccessLog, cfg.Log = on, slog.New(slog.NewTextHandler(&log, nil)) })
		ask(e.Operator(), httptest.NewRequest("GET", "/livez", nil))
		if got := log.Len() > 0; got != on {
			t.Errorf("access log %v: logged %q", on, log.String())
		}
		if strings.Contains(log.String(), "rtt=") {
			t.Errorf("a round-trip time that nobody knows: %s", log.String())
		}
	}
}

func TestMetricsCountEarlyData(t *testing.T) {
	h := newEdge(t, nil).Operator()
	for _, complete := range []bool{false, true} {
		r := httptest.NewRequest("GET", "/livez", nil)
		r.TLS = &tls.ConnectionState{HandshakeComplete: complete}
		ask(h, r)
	}
	page := ask(h, httptest.NewRequest("GET", "/metrics", nil)).Body.String()
	if !strings.Contains(page, "\nquicedge_http_early_data_requests_total 1\n") {
		t.Errorf("not counted once:\n%s", page)
	}
}
