package control

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/statedir"
)

// BenchmarkTick is what a tick costs while nothing changes, by the rows of the table that have conditions on what is measured, and by the
// connections that have sent since the last: of every class as many.
func BenchmarkTick(b *testing.B) {
	for _, conditions := range []int{0, 4000} {
		for _, connections := range []int{0, 10_000} {
			b.Run(fmt.Sprintf("conditions=%d/connections=%d", conditions, connections), func(b *testing.B) {
				benchmarkTick(b, conditions, connections)
			})
		}
	}
}

func benchmarkTick(b *testing.B, conditions, connections int) {
	dir := b.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		return name
	}
	clients, prefixes := everywhere(connections)
	f := Files{Prefixes: write("prefixes.csv", prefixes), State: statedir.At(filepath.Join(dir, "state"))}
	if conditions > 0 {
		f.Table = write("table.csv", conditional(conditions))
	}
	l, err := New(f, Settings{})
	if err != nil {
		b.Fatal(err)
	}
	clock := time.Now()
	l.now = func() time.Time { return clock }
	l.Drive(&kernel{})
	l.Ask(same{clients})
	b.ReportAllocs()
	for b.Loop() {
		clock = clock.Add(time.Second)
		if _, err := l.Tick(); err != nil {
			b.Fatal(err)
		}
	}
}

// everywhere makes a prefix for each class, and clients in all of them.
func everywhere(n int) (clients []netip.Addr, prefixes string) {
	var text strings.Builder
	text.WriteString("prefix,province_id,isp\n")
	all := class.All()
	for i, id := range all {
		fmt.Fprintf(&text, "10.%d.0.0/16,%s,%s\n", i, id.Province(), id.ISP())
	}
	for i := range n {
		clients = append(clients, netip.AddrFrom4([4]byte{10, byte(i % len(all)), byte(i / len(all)), 7}))
	}
	return clients, text.String()
}

// conditional makes a table of as many rows with a condition.
func conditional(n int) string {
	var text strings.Builder
	text.WriteString("province_id,isp,mtu,condition\n")
	all := class.All()
	for i := range n {
		id, nth := all[i%len(all)], i/len(all)
		fmt.Fprintf(&text, "%s,%s,%d,loss_rate > %d.5%% && rtt_ms > %d\n", id.Province(), id.ISP(), 1300+nth, nth+1, 10*nth+7)
	}
	text.WriteString("default,any,1500,always\n")
	return text.String()
}

// same measures the same at every tick.
type same struct{ clients []netip.Addr }

func (m same) Measure(l Log) error {
	for _, c := range m.clients {
		l.Sent(c, 100, 3, 50*time.Millisecond)
	}
	return nil
}

// BenchmarkSave writes down what is learned of every class, each with all the networks that are remembered, but for the disk.
func BenchmarkSave(b *testing.B) {
	l := mtu.NewLearner(mtu.LearnConfig{})
	now := time.Now()
	for _, id := range class.All() {
		for i := range 256 {
			net := mtu.NetworkOf(netip.AddrFrom4([4]byte{10, byte(id), byte(i), 7}))
			for _, kind := range []mtu.EvidenceKind{mtu.Discovered, mtu.Carried} {
				l.Add(mtu.Evidence{Class: id, Net: net, Kind: kind, MTU: 1372, At: now})
			}
		}
	}
	for b.Loop() {
		var text bytes.Buffer
		if err := l.Save(&text); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(text.Len()), "bytes")
	}
}
