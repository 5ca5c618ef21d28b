package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"quicedge/internal/netnstest"
)

// TestDeviceComesBackToARunningNode takes a node's device away and gives it back: the node, which has long dropped its
// privileges, raises for the moment what attaching takes.
func TestDeviceComesBackToARunningNode(t *testing.T) {
	netnstest.NeedBPF(t)
	for _, mode := range []string{"tcx", "clsact"} {
		t.Run(mode, func(t *testing.T) {
			edge, client := netnstest.New(t), netnstest.New(t)
			wire := func() {
				netnstest.Veth(t, netnstest.End{NS: edge, Name: "edge0", Addrs: []string{edgeAddr + "/24"}}, netnstest.End{NS: client, Name: "client0"})
			}
			wire()
			n := place(t, edge)
			n.start("--iface", "edge0,lo", "--mode", mode, "--prefixes", demo)
			attached := func() bool {
				_, body := n.get("http://localhost:8080/readyz?verbose")
				return strings.Contains(body, "[+]bpf ok")
			}
			n.until("the node has its data plane", attached)
			n.inNamespace(func() error {
				dev, err := netlink.LinkByName("edge0")
				if err != nil {
					return err
				}
				return netlink.LinkDel(dev)
			})
			n.until("the node misses its device", func() bool { return !attached() })
			wire()
			n.until("the node has its data plane again", attached)
			if _, out, _ := n.run("stats", "-o", "json"); strings.Count(out, `"edge0"`) != 2 {
				t.Errorf("attachments of edge0 in %s", out)
			}
			if code := n.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if code, _, errs := n.run("stats"); code == 0 || !strings.Contains(errs, "not loaded") {
				t.Errorf("loaded after the node has stopped: exit %d, %s", code, errs)
			}
			n.inNamespace(func() error {
				dev, err := netlink.LinkByName("edge0")
				if err != nil {
					return err
				}
				qdiscs, err := netlink.QdiscList(dev)
				for _, q := range qdiscs {
					if q.Type() == "clsact" {
						return fmt.Errorf("the node left its qdisc behind: %v", q)
					}
				}
				return err
			})
		})
	}
}

// inNamespace runs f where the node runs.
func (n *node) inNamespace(f func() error) {
	n.t.Helper()
	var err error
	netnstest.Do(n.t, n.ns, func() { err = f() })
	if err != nil {
		n.t.Error(err)
	}
}
