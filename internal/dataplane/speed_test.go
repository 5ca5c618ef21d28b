package dataplane

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

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
