package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"quicedge/internal/netnstest"
)

// TestStatusOfANodeAndOfWhatItLeaves asks while a node runs, after it was killed, and after everything is taken down.
func TestStatusOfANodeAndOfWhatItLeaves(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo, "--video-worker", "/nowhere")
	type status struct {
		State string
		Node  struct {
			Running bool
			Holder  string
		}
	}
	ask := func(wantCode int) (s status) {
		t.Helper()
		code, out, errs := n.run("status", "-o", "json")
		if err := json.Unmarshal([]byte(out), &s); err != nil || code != wantCode {
			t.Errorf("exit %d, %v: %s %s", code, err, out, errs)
		}
		return s
	}
	if s := ask(0); s.State != "healthy" || !s.Node.Running || s.Node.Holder != "node" {
		t.Errorf("while it runs: %+v", s)
	}
	if _, out, _ := n.run("status"); !strings.Contains(out, "runs, and keeps the data plane") {
		t.Errorf("while it runs:\n%s", out)
	}
	// The node has no capability in effect by now.
	if _, metrics := n.get("http://localhost:8080/metrics"); !strings.Contains(metrics, "quicedge_dataplane_generation 1\n") || !strings.Contains(metrics, `quicedge_dataplane_prefixes{family="ipv6"} `) {
		t.Errorf("the metrics do not show the tables:\n%s", metrics)
	}
	n.cmd.Process.Kill()
	n.wait()
	if s := ask(0); s.State != "healthy" || s.Node.Running || s.Node.Holder != "none" {
		t.Errorf("after kill -9: %+v", s)
	}
	if code, _, errs := n.run("unload", "--iface", "lo"); code != 0 {
		t.Fatal(errs)
	}
	if s := ask(1); s.State != "not-loaded" {
		t.Errorf("unloaded: %+v", s)
	}
}

// TestCountersSeeHandshakes has clients of a class connect, and asks stats and the metrics about them.
func TestCountersSeeHandshakes(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo, "--video-worker", "/nowhere")
	var stats struct {
		Classes []struct {
			Class    int
			Hook     string
			Initials int
		}
		RTT []struct {
			Class, Samples int
			MedianMS       float64 `json:"median_ms"`
		}
	}
	// Not every handshake is measured: a client may answer to another connection ID than the first that the server gave it.
	handshakes := 0
	n.until("a handshake is measured", func() bool {
		resp, err := newClient(t, n.ns).Get("https://127.0.0.1:443/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		handshakes++
		code, out, errs := n.run("stats", "--class", "heilongjiang", "-o", "json")
		if err := json.Unmarshal([]byte(out), &stats); err != nil || code != 0 {
			t.Fatalf("exit %d, %v: %s", code, err, errs)
		}
		return len(stats.RTT) == 1
	})
	if r := stats.RTT[0]; r.Class != 184 || r.Samples > handshakes || r.MedianMS <= 0 || r.MedianMS > 60_000 {
		t.Errorf("round-trip times: %+v", r)
	}
	seen := map[string]int{}
	for _, c := range stats.Classes {
		seen[c.Hook] = c.Initials
	}
	if seen["ingress"] < handshakes || seen["egress"] < handshakes {
		t.Errorf("Initials of %d handshakes by hook: %v", handshakes, seen)
	}
	if _, metrics := n.get("http://localhost:8080/metrics"); !strings.Contains(metrics, `quicedge_dataplane_handshake_rtt_seconds_count{isp="OTHER",province="23"} `) {
		t.Errorf("the metrics do not show the handshakes:\n%s", metrics)
	}
}
