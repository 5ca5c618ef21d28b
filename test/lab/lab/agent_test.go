package lab

import (
	"path/filepath"
	"testing"
	"time"

	"quicedge/test/lab/link"
)

// TestAgentServesAnotherServersClasses runs the agent beside a server with quic-go's defaults, on paths that carry less than the table says, and
// say so: the kernel measures the round trips, what ICMP tells it lowers the class, and from then on nothing larger leaves.
func TestAgentServesAnotherServersClasses(t *testing.T) {
	t.Parallel()
	const carries = 1360
	p := link.Path{Delay: 10 * time.Millisecond, Rate: 20_000_000, MTU: carries, ICMP: true}
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: hunan, Settings: link.Settings{Up: p, Down: p}}}})
	startStock(t, l, folder(t, 1000, endless))
	agent := Node{Program: filepath.Join(programs, "quicedge"), Folder: t.TempDir(), Args: []string{"--tick", "20ms"}, Env: []string{"QUICEDGE_MEASURE_MIN_SAMPLES=3"}}
	n := node{keep(t)(l.StartAgent(t.Context(), agent)), l, hunan}
	c := n.gather(t, 0, 1, 2, 3, 4, 5)
	until(t, "ICMP lowers the class", func() bool { p := n.profile(t); return p.MTU == carries && p.Source == "learned" && p.RTTms != nil })
	c.leave()
	got := lookupKernel(t, n.openPlane(t), n.client(0))
	if got.MTU != carries || got.RTTms == nil || *got.RTTms < 20 {
		t.Errorf("the kernel has %+v", got)
	}
	over := func() uint64 { c := l.Link(hunan).Counters(link.Down); return c.OversizeFirst + c.OversizeAfter }
	before := over()
	if before == 0 {
		t.Error("the server has not tried what the path does not carry")
	}
	d := l.Link(hunan).Counters(link.Down).UDP
	c = n.gather(t, 10, 11, 12, 13)
	until(t, "some seconds' worth of datagrams", func() bool { return l.Link(hunan).Counters(link.Down).UDP > d+4000 })
	c.leave()
	if after := over(); after != before {
		t.Errorf("%d datagrams above %d bytes since the class was lowered", after-before, carries)
	}
	a := n.learned(t)
	t.Logf("round trip of 20 ms and a queue: measured %.1f ms; MTU %d by %s from %d networks; %d datagrams above it before, 0 of 4000 after", *got.RTTms, got.MTU, got.Source, a.Networks, before)
}
