package dataplane

import (
	"math/rand/v2"
	"testing"
	"time"

	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// BenchmarkTable measures the steps of a change of table: sorting the entries and summing them up, planning, making and filling
// the new table, swapping it in; and the kernel memory that it takes. There are two tables during a change.
func BenchmarkTable(b *testing.B) {
	b.Log(machine(b))
	r := rand.New(rand.NewPCG(51, 52))
	for _, c := range []struct {
		name    string
		entries []prefix.Entry
	}{
		{"ipv4/10k", internet4(r, 10_000)},
		{"ipv4/100k", internet4(r, 100_000)},
		{"ipv4/500k", internet4(r, 500_000)},
		{"ipv4/1M", internet4(r, prefix.MaxPrefixes)},
		{"ipv6/10k", internet6(r, 10_000)},
		{"ipv6/100k", internet6(r, 100_000)},
		{"ipv6/1M", internet6(r, prefix.MaxPrefixes)},
	} {
		for _, kind := range []TableKind{TableDIR, TableTrie} {
			b.Run(c.name+"/"+string(kind), func(b *testing.B) { benchmarkTable(b, kind, c.entries) })
		}
	}
}

func benchmarkTable(b *testing.B, kind TableKind, entries []prefix.Entry) {
	p := newBenchOf(b, &path.Snapshot{}, Config{TableKind: kind}, 14)
	var in slot
	for _, s := range p.slots() {
		if s.kind == kind && s.v6 == entries[0].Prefix.Addr().Is6() {
			in = s
		}
	}
	took := map[string][]float64{}
	var size uint64
	for side := 0; b.Loop(); side = 1 - side {
		var t *tables
		var build builder
		var made table
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"sort", func() (err error) { t, err = newTables(entries); return err }},
			{"plan", func() (err error) { build, err = in.plan(t, side); return err }},
			{"fill", func() (err error) { made, err = build(); return err }},
			{"swap", func() error { return in.put(made, side) }},
		} {
			began := time.Now()
			if err := step.do(); err != nil {
				b.Fatal(step.name, err)
			}
			took[step.name] = append(took[step.name], float64(time.Since(began))/1e6)
		}
		var err error
		if size, err = made.bytes(); err != nil {
			b.Fatal(err)
		}
		if err := made.close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, ms := range took {
		b.ReportMetric(median(ms), name+"-ms")
	}
	b.ReportMetric(float64(size)/(1<<20), "MiB")
}
