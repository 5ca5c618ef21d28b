package dataplane

import (
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// BenchmarkSocketPrograms measures the programs on datagrams that a client sends, by the kernel's own clock around each run,
// against programs that do nothing: BPF_PROG_RUN knows no such context.
func BenchmarkSocketPrograms(b *testing.B) {
	l := newSocketLab(b)
	conn := l.serve(netip.AddrPortFrom(netip.IPv6Unspecified(), socketPort))
	g, err := l.steering.NextGeneration(1)
	if err != nil {
		b.Fatal(err)
	}
	if err := g.Join(conn, 0); err != nil {
		b.Fatal(err)
	}
	if err := g.Commit(); err != nil {
		b.Fatal(err)
	}
	l.steering.change(func(s *SteeringState) { s.Tagged = true })
	short, initial := shortHeader(l.steering.CIDs().New(g.Number(), 0), 1200), longHeader(0xc0, quicV1, []byte("8 random"), 1200)
	for _, kind := range []struct {
		name   string
		option int
		run    *ebpf.Program
		spec   ebpf.ProgramSpec
	}{
		{"filter", unix.SO_ATTACH_BPF, l.steering.filter, ebpf.ProgramSpec{Type: ebpf.SocketFilter}},
		{"steer", unix.SO_ATTACH_REUSEPORT_EBPF, l.steering.steer, ebpf.ProgramSpec{Type: ebpf.SkReuseport, AttachType: ebpf.AttachSkReuseportSelect}},
	} {
		kind.spec.License, kind.spec.Instructions = "MIT", asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}
		empty, err := ebpf.NewProgram(&kind.spec)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { empty.Close() })
		var emptyTook float64 // nanoseconds a run
		for _, c := range []struct {
			name    string
			program *ebpf.Program
			b       []byte
			client  netip.Addr
		}{
			{"empty", empty, short, harbin4},
			{"short ipv4", kind.run, short, harbin4},
			{"short ipv6", kind.run, short, harbin6},
			{"initial ipv4", kind.run, initial, harbin4},
		} {
			b.Run(kind.name+" "+c.name, func(b *testing.B) {
				setsockopt(b, conn, unix.SOL_SOCKET, kind.option, c.program.FD())
				took := l.runTime(b, c.program, c.client, c.b)
				if c.program == empty {
					emptyTook = took
				}
				b.ReportMetric(took, "ns/run")
				b.ReportMetric(took/emptyTook, "x-empty")
			})
		}
	}
}

// runTime sends datagrams, and returns what a run of the program took, in nanoseconds.
func (l *socketLab) runTime(b *testing.B, p *ebpf.Program, client netip.Addr, datagram []byte) float64 {
	b.Helper()
	counting, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		b.Fatal(err)
	}
	defer counting.Close()
	from := l.clientSocket(client, 0)
	to := netip.AddrPortFrom(server4, socketPort)
	if client.Is6() {
		to = netip.AddrPortFrom(server6, socketPort)
	}
	before, err := p.Stats()
	if err != nil {
		b.Fatal(err)
	}
	for range max(b.N, 1000) {
		sendTo(b, from, to, datagram)
	}
	after, err := p.Stats()
	if err != nil {
		b.Fatal(err)
	}
	if after.RunCount == before.RunCount {
		b.Fatal("the program did not run")
	}
	return float64(after.Runtime-before.Runtime) / float64(after.RunCount-before.RunCount)
}
