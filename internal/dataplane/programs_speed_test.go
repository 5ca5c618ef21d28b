package dataplane

import (
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// emptyProgram lets every packet go on.
func emptyProgram(b *testing.B) *ebpf.Program {
	b.Helper()
	empty, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, License: "MIT", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { empty.Close() })
	return empty
}

// BenchmarkPrograms measures a packet through each program, and through one that does nothing, by BPF_PROG_RUN, with all that
// it touches in the cache. The two take turns, and the median difference counts. Set GODEBUG=asyncpreemptoff=1: preemption
// starts a run over again.
func BenchmarkPrograms(b *testing.B) {
	p := newBench(b, testSnapshot(b), false)
	empty := emptyProgram(b)
	syn := segment(5555, 443, tcpSYN, mssOption(1300), nil)
	for _, c := range []struct {
		name    string
		program *ebpf.Program
		frame   []byte
	}{
		{"ingress/foreign", p.programs.QeIngress, toClient(harbin4, 1228)},
		{"ingress/ipv4", p.programs.QeIngress, clientSends(harbin4, short(1200))},
		{"ingress/ipv6", p.programs.QeIngress, clientSends(harbin6, short(1200))},
		{"ingress/ipv4 options", p.programs.QeIngress, v4{src: harbin4, dst: server4, proto: protoUDP, options: make([]byte, 4), payload: datagram(5555, 443, short(1200))}.frame()},
		{"ingress/ipv4 tag", p.programs.QeIngress, tagged(clientSends(harbin4, short(1200)), tagC|5)},
		{"ingress/ipv4 initial", p.programs.QeIngress, clientSends(harbin4, long(initial, quic1, cidA, cidB, 1200))},
		{"ingress/ipv4 short initial", p.programs.QeIngress, clientSends(harbin4, long(initial, quic1, cidA, cidB, 1100))},
		{"ingress/tcp data", p.programs.QeIngress, between("ingress", harbin4, 0, tcpACK, nil, make([]byte, 1000))},
		{"ingress/tcp syn", p.programs.QeIngress, tcpFrame(harbin4, server4, 0, syn)},
		{"egress/foreign", p.programs.QeEgress, fromClient(harbin4, 1228)},
		{"egress/ipv4", p.programs.QeEgress, serverSends(harbin4, short(1200))},
		{"egress/ipv6", p.programs.QeEgress, serverSends(harbin6, short(1200))},
		{"egress/ipv4 initial", p.programs.QeEgress, serverSends(harbin4, long(initial, quic1, cidA, cidB, 1200))},
		{"egress/tcp data", p.programs.QeEgress, between("egress", harbin4, 0, tcpACK, nil, make([]byte, 1000))},
	} {
		b.Run(c.name, func(b *testing.B) {
			const packets = 20_000
			var with, without, more []float64 // nanoseconds a packet
			for b.Loop() {
				e, p := timed(b, empty, c.frame, packets), timed(b, c.program, c.frame, packets)
				with, without, more = append(with, p), append(without, e), append(more, p-e)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(with), "ns/packet")
			b.ReportMetric(median(more), "ns-more")
			b.ReportMetric(median(with)/median(without), "x-empty")
		})
	}
}

// timed is the nanoseconds that a packet takes through a program, out of n. The kernel's own figure is of whole nanoseconds.
func timed(b *testing.B, program *ebpf.Program, frame []byte, n int) float64 {
	b.Helper()
	start := time.Now()
	if _, err := program.Run(&ebpf.RunOptions{Data: frame, Repeat: uint32(n)}); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
