package prefix

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"quicedge/internal/class"
)

// million makes a table as large as one may be: IPv4 prefixes of 20 to 24 bits that do not overlap, in the order of addresses.
func million() []Entry {
	random := rand.New(rand.NewPCG(1, 2))
	classes := class.All()
	entries := make([]Entry, 0, MaxPrefixes)
	for block := uint32(1 << 24); len(entries) < MaxPrefixes; block += 1 << 12 {
		bits := 22 + random.IntN(3)
		for at := block; at < block+1<<12 && len(entries) < MaxPrefixes; at += 1 << (32 - bits) {
			addr := netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), 0})
			entries = append(entries, Entry{netip.PrefixFrom(addr, bits), classes[random.IntN(len(classes))]})
		}
	}
	return entries
}

func millionCSV(name func(class.ID) string) []byte {
	var b bytes.Buffer
	b.WriteString("prefix,province_id,isp\n")
	for _, e := range million() {
		fmt.Fprintf(&b, "%s,%s,%s\n", e.Prefix, name(e.Class), e.Class.ISP())
	}
	return b.Bytes()
}

// reportMemory reports what a result takes that is kept.
func reportMemory(b *testing.B, make func() any) {
	b.StopTimer()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
}

// BenchmarkParseCSV reads a million rows, with provinces as codes and as names.
func BenchmarkParseCSV(b *testing.B) {
	for name, of := range map[string]func(class.ID) string{
		"codes": func(id class.ID) string { return id.Province().String() },
		"names": func(id class.ID) string {
			if id.Province() == 0 {
				return "0"
			}
			return id.Province().Chinese()
		},
	} {
		text := millionCSV(of)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			parse := func() any {
				table, err := ParseCSV(bytes.NewReader(text), "bench.csv")
				if err != nil {
					b.Fatal(strings.Split(err.Error(), "\n")[0])
				}
				return table
			}
			b.ReportAllocs()
			for b.Loop() {
				parse()
			}
			reportMemory(b, parse)
		})
	}
}

// BenchmarkNew builds the table that answers look-ups out of a million entries.
func BenchmarkNew(b *testing.B) {
	entries := million()
	make := func() any {
		table, err := New(entries)
		if err != nil {
			b.Fatal(err)
		}
		return table
	}
	b.ReportAllocs()
	for b.Loop() {
		make()
	}
	reportMemory(b, make)
}

// BenchmarkAggregate joins what can be joined of a million entries.
func BenchmarkAggregate(b *testing.B) {
	entries := million()
	b.ReportAllocs()
	for b.Loop() {
		Aggregate(entries)
	}
}

// BenchmarkDiff compares two tables of a million entries that differ in one class of ten.
func BenchmarkDiff(b *testing.B) {
	from := million()
	to := slices.Clone(from)
	for i := 0; i < len(to); i += 10 {
		to[i].Class = class.Of(44, class.CUCC)
	}
	old, err := New(from)
	if err != nil {
		b.Fatal(err)
	}
	now, err := New(to)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Diff(old, now)
	}
}
