package edge

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHealthzIsWhatTheHandbookSays(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Started = time.Now().Add(-124 * time.Second) })
	w := ask(e.Operator(), httptest.NewRequest("GET", "/healthz", nil))
	if got := w.Body.String(); w.Code != 200 || got != `{"status":"ok","uptime_sec":124}` {
		t.Errorf("got %d %s", w.Code, got)
	}
}

func TestReadyzListsWhatIsMissing(t *testing.T) {
	ok := Check{Name: "quic", Check: func() error { return nil }}
	bpf := Check{Name: "bpf", Check: func() error { return errors.New("not permitted") }, Optional: true}
	video := Check{Name: "video", Check: func() error { return errors.New("no worker") }}
	for name, c := range map[string]struct {
		path   string
		checks []Check
		status int
		body   string
	}{
		"ready":            {"/readyz", []Check{ok, bpf}, 200, "ok"},
		"ready, verbose":   {"/readyz?verbose", []Check{ok, bpf}, 200, "[+]quic ok\n[-]bpf not ok (optional): not permitted\nreadyz check passed\n"},
		"not ready":        {"/readyz", []Check{ok, video}, 503, "[+]quic ok\n[-]video not ok: no worker\nreadyz check failed\n"},
		"no checks":        {"/readyz?verbose", nil, 200, "readyz check passed\n"},
		"live, whatever":   {"/livez", []Check{video}, 200, "ok"},
		"live and verbose": {"/livez?verbose", []Check{video}, 200, "[+]http ok\nlivez check passed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, func(cfg *Config) { cfg.Checks = c.checks })
			w := ask(e.Operator(), httptest.NewRequest("GET", c.path, nil))
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, c.status, c.body)
			}
		})
	}
}

func TestMetricsCountByProtocolStatusHandlerAndClass(t *testing.T) {
	h := newEdge(t, nil).Operator()
	ask(h, httptest.NewRequest("GET", "/livez", nil))
	r := httptest.NewRequest("POST", "/livez", nil)
	r.ProtoMajor, r.ProtoMinor = 3, 0
	if w := ask(h, r); w.Code != 405 || w.Header().Get("Allow") != "GET" {
		t.Errorf("POST /livez: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	page := ask(h, httptest.NewRequest("GET", "/metrics", nil)).Body.String()
	for _, line := range []string{
		`quicedge_http_requests_total{code="200",handler="livez",proto="http/1.1"} 1`,
		`quicedge_http_requests_total{code="405",handler="livez",proto="h3"} 1`,
		`quicedge_http_class_requests_total{isp="CMCC",province="23"} 2`,
		`quicedge_http_request_duration_seconds_count{handler="livez",proto="h3"} 1`,
		`quicedge_http_requests_in_flight 1`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("no line %s in\n%s", line, page)
		}
	}
}

func TestOneRegistryTakesOneEdge(t *testing.T) {
	e := newEdge(t, nil)
	if _, err := New(Config{Registry: e.cfg.Registry}); err == nil {
		t.Error("a second Edge on the same registry was made")
	}
}

func ExampleCheck() {
	c := Check{Name: "video", Check: func() error { return errors.New("no worker: see quicedge doctor") }}
	fmt.Println(c.Name, c.Check())
	// Output: video no worker: see quicedge doctor
}
