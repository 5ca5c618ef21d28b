package dataplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// lookupRuns is how many packets are timed at once, after as many that are not: each kind of table finds the caches as it
// leaves them itself.
const lookupRuns = maxQuestions

// BenchmarkLookup compares the look-up of a source address in both kinds of table, on the same prefixes and addresses and in
// turns, parsing included. An address lies in a prefix of the table, and the next packet's look-up begins when the last one's
// answer is there. Set GODEBUG=asyncpreemptoff=1: preemption starts a run over again.
func BenchmarkLookup(b *testing.B) {
	b.Log(machine(b))
	r := rand.New(rand.NewPCG(41, 42))
	for _, c := range []struct {
		name    string
		entries func() []prefix.Entry
	}{
		{"ipv4/10k", func() []prefix.Entry { return internet4(r, 10_000) }},
		{"ipv4/100k", func() []prefix.Entry { return internet4(r, 100_000) }},
		{"ipv4/500k", func() []prefix.Entry { return internet4(r, 500_000) }},
		{"ipv4/1M", func() []prefix.Entry { return internet4(r, prefix.MaxPrefixes) }},
		{"ipv6/10k", func() []prefix.Entry { return internet6(r, 10_000) }},
		{"ipv6/100k", func() []prefix.Entry { return internet6(r, 100_000) }},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkLookup(b, r, c.entries()) })
	}
}

// benchmarkLookup measures one table with few addresses and many.
func benchmarkLookup(b *testing.B, r *rand.Rand, entries []prefix.Entry) {
	table, err := prefix.New(entries)
	if err != nil {
		b.Fatal(err)
	}
	s := &path.Snapshot{Prefixes: table}
	dir, trie := newAsker(b, TableDIR, s), newAsker(b, TableTrie, s)
	six := entries[0].Prefix.Addr().Is6()
	for i := range maxQuestions {
		a := within(r, entries[r.IntN(len(entries))].Prefix)
		for _, k := range []*asker{dir, trie} {
			if six {
				k.questions6[i] = addr6Of(a)
			} else {
				k.questions4[i] = number4(a)
			}
		}
	}
	for _, addrs := range []int{1, 4096, maxQuestions} {
		name := map[int]string{1: "hot", 4096: "4k addresses", maxQuestions: "1M addresses"}[addrs]
		b.Run(name, func(b *testing.B) { compareKinds(b, dir, trie, six, uint32(addrs-1)) })
	}
}

// compareKinds measures in turns, and reports the medians.
func compareKinds(b *testing.B, dir, trie *asker, six bool, mask uint32) {
	for _, k := range []*asker{dir, trie} {
		if err := k.tests.QuestionMask.Set(mask); err != nil {
			b.Fatal(err)
		}
	}
	took := map[string][]float64{}
	for b.Loop() {
		for range 3 {
			took["parse"] = append(took["parse"], dir.took(b, dir.program(six, parsing)))
			for what, step := range map[string]step{"": finding, "-chained": chained} {
				took["dir"+what] = append(took["dir"+what], dir.took(b, dir.program(six, step)))
				took["trie"+what] = append(took["trie"+what], trie.took(b, trie.program(six, step)))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for what, times := range took {
		b.ReportMetric(median(times), what+"-ns")
	}
	b.ReportMetric(median(took["trie"])/median(took["dir"]), "x")
	b.ReportMetric(median(took["trie-chained"])/median(took["dir-chained"]), "x-chained")
}

// step is what a packet is taken through.
type step int

const (
	parsing step = iota
	finding
	chained // the packet begins when the last one's answer is known
)

func (a *asker) program(six bool, s step) *ebpf.Program {
	if six {
		return []*ebpf.Program{a.tests.TestParse6, a.tests.TestFind6, a.tests.TestChained6}[s]
	}
	return []*ebpf.Program{a.tests.TestParse4, a.tests.TestFind4, a.tests.TestChained4}[s]
}

// took is how many nanoseconds a packet takes, on average over lookupRuns. Time of the CPU that others have is not counted.
func (a *asker) took(b *testing.B, program *ebpf.Program) float64 {
	frame := fromClient(harbin4, 1228)
	if program == a.program(true, parsing) || program == a.program(true, finding) || program == a.program(true, chained) {
		frame = fromClient(harbin6, 1248)
	}
	runtime.LockOSThread() // whose clock is read
	defer runtime.UnlockOSThread()
	runs := ebpf.RunOptions{Data: frame, Repeat: lookupRuns}
	var began, ended unix.Timespec
	_, err := program.Run(&runs)
	err = errors.Join(err, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &began))
	_, rerr := program.Run(&runs)
	if err = errors.Join(err, rerr, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ended)); err != nil {
		b.Fatal(err)
	}
	return float64(ended.Nano()-began.Nano()) / lookupRuns
}

// machine names the kernel; the CPU is named by the testing package.
func machine(b *testing.B) string {
	b.Helper()
	return fmt.Sprintf("Linux %s", release())
}
