package dataplane

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// BenchmarkPrograms measures a packet through each program, and through one that does nothing, by BPF_PROG_RUN. Set
// GODEBUG=asyncpreemptoff=1: preemption starts a run over again.
func BenchmarkPrograms(b *testing.B) {
	p := newBench(b, testSnapshot(b), false)
	empty, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, License: "MIT", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer empty.Close()
	var emptyTook float64 // nanoseconds a packet
	for _, c := range []struct {
		name    string
		program *ebpf.Program
		frame   []byte
	}{
		{"empty", empty, fromClient(harbin4, 1228)},
		{"ingress foreign", p.programs.QeIngress, toClient(harbin4, 1228)},
		{"ingress ipv4", p.programs.QeIngress, fromClient(harbin4, 1228)},
		{"ingress ipv6", p.programs.QeIngress, fromClient(harbin6, 1248)},
		{"egress ipv4", p.programs.QeEgress, toClient(harbin4, 1228)},
		{"egress ipv6", p.programs.QeEgress, toClient(harbin6, 1248)},
	} {
		b.Run(c.name, func(b *testing.B) {
			_, took, err := c.program.Benchmark(c.frame, max(b.N, 1000), nil)
			if err != nil {
				b.Fatal(err)
			}
			if c.program == empty {
				emptyTook = float64(took)
			}
			b.ReportMetric(float64(took), "ns/packet")
			b.ReportMetric(float64(took)/emptyTook, "x-empty")
		})
	}
}

// BenchmarkSwap measures a change of table: filling the new one, and putting it into its slot.
func BenchmarkSwap(b *testing.B) {
	for _, n := range []int{30_000, 500_000} {
		b.Run(prefixCount(n), func(b *testing.B) {
			p := newBench(b, &path.Snapshot{}, false)
			s := &path.Snapshot{Prefixes: manyPrefixes(b, n)}
			for b.Loop() {
				c, err := p.prepare(s, "")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.commit(c); err != nil {
					b.Fatal(err)
				}
				c.close()
				if c, err = p.prepare(&path.Snapshot{}, ""); err != nil {
					b.Fatal(err)
				}
				if _, err := p.commit(c); err != nil {
					b.Fatal(err)
				}
				c.close()
			}
		})
	}
}

func prefixCount(n int) string { return map[int]string{30_000: "30k", 500_000: "500k"}[n] }

// manyPrefixes is n IPv4 prefixes of 24 bits.
func manyPrefixes(b *testing.B, n int) *prefix.Table {
	b.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	entries := make([]prefix.Entry, n)
	for i, v := range r.Perm(1 << 24)[:n] {
		entries[i] = prefix.Entry{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 16), byte(v >> 8), byte(v)}), 24), Class: heilongjiang}
	}
	t, err := prefix.New(entries)
	if err != nil {
		b.Fatal(err)
	}
	return t
}
