package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"quicedge/internal/netnstest"
)

// TestAgentKeepsTheDataPlaneThatALoadLeft runs an agent from taking over to taking down.
func TestAgentKeepsTheDataPlaneThatALoadLeft(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	if code, _, errs := n.run("load", "--iface", "lo", "--ports", "443,8443", "--prefixes", demo); code != 0 {
		t.Fatal(errs)
	}
	n.begin("agent", "--iface", "lo", "--prefixes", demo)
	n.until("the agent says that it runs", func() bool { return strings.Contains(n.stdout.String(), "data plane   attached to lo") })
	var s struct {
		State string
		Ports []int
		Node  struct {
			Holder string
			Loop   *struct{ Generation int }
		}
	}
	code, out, errs := n.run("status", "-o", "json")
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != 0 || s.State != "healthy" || s.Node.Holder != "node" || s.Node.Loop == nil || s.Node.Loop.Generation != 1 {
		t.Errorf("exit %d, %v: %s %s", code, err, out, errs)
	}
	if len(s.Ports) != 1 || s.Ports[0] != 443 {
		t.Errorf("ports %v: those of the load are still there, or its own are not", s.Ports)
	}
	if code, ready := n.get("http://localhost:8080/readyz"); code != 200 {
		t.Errorf("ready: %d %s", code, ready)
	}
	if _, metrics := n.get("http://localhost:8080/metrics"); !strings.Contains(metrics, "quicedge_loop_generation 1\n") || !strings.Contains(metrics, "quicedge_dataplane_generation ") {
		t.Errorf("metrics:\n%s", metrics)
	}
	for what, args := range map[string][]string{
		"the same state folder": {"agent", "--iface", "lo", "--admin", "127.0.0.1:0"},
		"the same pins":         {"agent", "--iface", "lo", "--admin", "127.0.0.1:0", "--state-dir", t.TempDir()},
	} {
		second := *n
		if args[len(args)-2] == "--state-dir" {
			second.state = args[len(args)-1]
			args = args[:len(args)-2]
		}
		if code, _, errs := second.run(args...); code != 1 || !strings.Contains(errs, "another") && !strings.Contains(errs, "in use") {
			t.Errorf("a second agent with %s: exit %d, %s", what, code, errs)
		}
	}
	n.agentTakesOverridesAndSignals()
	if code := n.stop(); code != 0 {
		t.Errorf("exit %d: %s", code, n.stderr)
	}
	if code, out, _ := n.run("status"); code != 1 || !strings.Contains(out, "not-loaded") {
		t.Errorf("after its end: exit %d, %s", code, out)
	}
	if text, err := os.ReadFile(filepath.Join(n.state, "learned.csv")); err != nil || !strings.Contains(string(text), ",end,") {
		t.Errorf("what was learned: %s %v", text, err)
	}
}

func (n *node) agentTakesOverridesAndSignals() {
	n.t.Helper()
	if code, out, errs := n.run("mtu", "set", "--province", "44", "1300"); code != 0 || !strings.Contains(out, "in force in the running node") {
		n.t.Errorf("exit %d, %s %s", code, out, errs)
	}
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		n.t.Error(err)
	}
	n.until("two reloads are logged", func() bool { return strings.Count(n.stderr.String(), "reloaded tables") == 2 })
	if code, out, errs := n.run("mtu", "list"); code != 0 || !strings.Contains(out, "override") {
		n.t.Errorf("exit %d, %s %s", code, out, errs)
	}
}

// An agent has nothing but its data plane: without that it is not ready, and does not start.
func TestAgentIsNothingWithoutItsDataPlane(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	if code, _, errs := n.run("agent", "--iface", "none"); code != 1 || !strings.Contains(errs, "--iface eth0") {
		t.Errorf("without a device: exit %d, %s", code, errs)
	}
	n.begin("agent", "--iface", "lo", "--prefixes", demo)
	n.until("the agent says that it runs", func() bool { return strings.Contains(n.stdout.String(), "data plane   attached to lo") })
	if err := os.RemoveAll(n.pins); err != nil {
		t.Fatal(err)
	}
	n.until("it is not ready any more", func() bool {
		code, _ := n.get("http://localhost:8080/readyz")
		return code == 503
	})
}
