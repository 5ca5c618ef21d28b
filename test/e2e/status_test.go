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
