package prefix

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"quicedge/internal/class"
)

func table(t testing.TB, rows string) *Table {
	t.Helper()
	table, err := ParseCSV(strings.NewReader(head+rows), "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestAppendPrefixesCoversExactlyTheRange(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0-10.0.0.255":                                  "[10.0.0.0/24]",
		"10.0.0.1-10.0.0.6":                                    "[10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32]",
		"0.0.0.0-255.255.255.255":                              "[0.0.0.0/0]",
		"255.255.255.255-255.255.255.255":                      "[255.255.255.255/32]",
		"0.0.0.0-0.0.0.2":                                      "[0.0.0.0/31 0.0.0.2/32]",
		"1.2.3.128-1.2.4.255":                                  "[1.2.3.128/25 1.2.4.0/24]",
		"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff":           "[::/0]",
		"2001:200:17c::-2001:200:180:ffff:ffff:ffff:ffff:ffff": "[2001:200:17c::/46 2001:200:180::/48]",
		"::ffff:ffff:ffff:ffff-0:0:0:1::":                      "[::ffff:ffff:ffff:ffff/128 0:0:0:1::/128]",
	} {
		first, last, _ := strings.Cut(in, "-")
		got := fmt.Sprint(AppendPrefixes(nil, netip.MustParseAddr(first), netip.MustParseAddr(last)))
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// nested makes prefixes of few classes that lie within each other and beside each other, near both ends of a family and between.
func nested(random *rand.Rand, n int) []Entry {
	seen := map[netip.Prefix]bool{}
	var entries []Entry
	for range n {
		addr := netip.AddrFrom4([4]byte{[]byte{0, 10, 255}[random.IntN(3)], byte(255 * random.IntN(2)), byte(random.IntN(4)), byte(random.IntN(256))})
		bits := []int{0, 7, 8, 15, 16, 22, 23, 24, 25, 26, 27, 30, 31, 32}[random.IntN(14)]
		if random.IntN(3) == 0 {
			b := [16]byte{0: []byte{0, 0x20, 0xff}[random.IntN(3)], 7: byte(random.IntN(8)), 15: byte(random.IntN(256))}
			addr, bits = netip.AddrFrom16(b), []int{0, 8, 61, 62, 63, 64, 65, 120, 126, 127, 128}[random.IntN(11)]
		}
		p, err := addr.Prefix(bits)
		if err != nil || seen[p] {
			continue
		}
		seen[p] = true
		entries = append(entries, Entry{p, class.Of(class.Province(44), class.ISP(random.IntN(3)))})
	}
	return entries
}

// borders returns the addresses at which an answer can change: the first and the last of each prefix and their neighbours.
func borders(entries []Entry) []netip.Addr {
	var all []netip.Addr
	for _, e := range entries {
		first, last := e.Prefix.Addr(), Last(e.Prefix)
		for _, a := range []netip.Addr{first.Prev(), first, first.Next(), last.Prev(), last, last.Next()} {
			if a.IsValid() {
				all = append(all, a)
			}
		}
	}
	return all
}

// TestAggregateAndSpansAnswerAsTheEntriesDo compares look-ups at every address where an answer can change.
func TestAggregateAndSpansAnswerAsTheEntriesDo(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 3))
		entries := nested(random, 1+random.IntN(200))
		given := slices.Clone(entries)
		want, err := New(entries)
		if err != nil {
			t.Fatal(err)
		}
		fewer := Aggregate(entries)
		got, err := New(fewer)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		spans := Spans(entries)
		for _, a := range append(borders(entries), borders(fewer)...) {
			_, id, _ := want.Lookup(a)
			if _, now, _ := got.Lookup(a); now != id {
				t.Fatalf("seed %d: %s is %s, aggregated %s", seed, a, id, now)
			}
			if now := spanOf(spans, a); now != id {
				t.Fatalf("seed %d: %s is %s, in spans %s", seed, a, id, now)
			}
		}
		if again := Aggregate(fewer); len(fewer) > len(entries) || !slices.Equal(again, fewer) {
			t.Fatalf("seed %d: %d entries, aggregated %d, again %d", seed, len(entries), len(fewer), len(again))
		}
		if !slices.Equal(given, entries) {
			t.Fatalf("seed %d: the entries were changed", seed)
		}
		checkSpans(t, spans)
	}
}

func spanOf(spans []Span, a netip.Addr) class.ID {
	at, found := slices.BinarySearchFunc(spans, a, func(s Span, a netip.Addr) int {
		switch {
		case s.Last.Less(a):
			return -1
		case a.Less(s.First):
			return 1
		}
		return 0
	})
	if !found {
		return 0
	}
	return spans[at].Class
}

func checkSpans(t *testing.T, spans []Span) {
	t.Helper()
	for i, s := range spans {
		if s.Last.Less(s.First) || i > 0 && !spans[i-1].Last.Less(s.First) {
			t.Fatalf("spans %v and %v", spans[max(i-1, 0)], s)
		}
	}
}

func TestAggregate(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/25,44,CUCC\n10.0.0.128/25,44,CUCC\n":                                            "[10.0.0.0/24]",
		"10.0.0.0/25,44,CUCC\n10.0.0.128/25,44,CMCC\n":                                            "[10.0.0.0/25 10.0.0.128/25]",
		"10.0.0.0/24,44,CUCC\n10.0.0.128/25,44,CUCC\n":                                            "[10.0.0.0/24]",
		"10.0.0.0/24,23,CMCC\n10.0.0.0/25,44,CUCC\n10.0.0.128/25,44,CUCC\n":                       "[10.0.0.0/24]",
		"10.0.0.0/23,44,CUCC\n10.0.0.0/24,23,CMCC\n10.0.0.0/25,44,CUCC\n10.0.0.128/25,44,CUCC\n":  "[10.0.0.0/23]",
		"10.0.0.0/26,44,CUCC\n10.0.0.64/26,44,CUCC\n10.0.0.128/25,44,CUCC\n10.0.1.0/24,44,CUCC\n": "[10.0.0.0/23]",
		"10.0.0.0/16,44,CUCC\n10.0.1.0/24,23,CMCC\n10.0.1.4/30,44,CUCC\n":                         "[10.0.0.0/16 10.0.1.0/24 10.0.1.4/30]",
		"0.0.0.0/1,44,CUCC\n128.0.0.0/1,44,CUCC\n::/1,44,CUCC\n8000::/1,44,CUCC\n":                "[0.0.0.0/0 ::/0]",
		"255.255.255.255/32,44,CUCC\n::/128,44,CUCC\n":                                            "[255.255.255.255/32 ::/128]",
	} {
		var got []netip.Prefix
		for _, e := range Aggregate(table(t, in).Entries()) {
			got = append(got, e.Prefix)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q: %v, want %s", in, got, want)
		}
	}
}

func TestDiffCountsPrefixesAndAddresses(t *testing.T) {
	old := table(t, "10.0.0.0/24,44,CUCC\n10.0.1.0/24,44,CUCC\n10.9.0.0/16,44,CUCC\n2001:db8::/32,44,CUCC\n")
	for _, tt := range []struct {
		name, now               string
		added, removed, changed int
		ipv4                    uint64
		ipv6                    float64
	}{
		{"nothing", "10.0.0.0/24,44,CUCC\n10.0.1.0/24,44,CUCC\n10.9.0.0/16,44,CUCC\n2001:db8::/32,44,CUCC\n", 0, 0, 0, 0, 0},
		{"joined halves", "10.0.0.0/23,44,CUCC\n10.9.0.0/16,44,CUCC\n2001:db8::/32,44,CUCC\n", 1, 2, 0, 0, 0},
		{"a class", "10.0.0.0/24,44,CUCC\n10.0.1.0/24,44,CMCC\n10.9.0.0/16,44,CUCC\n2001:db8::/32,44,CTCC\n", 0, 0, 2, 256, 65536},
		{"a hole", "10.0.0.0/24,44,CUCC\n10.0.1.0/24,44,CUCC\n10.9.0.0/16,44,CUCC\n10.9.1.0/30,0,OTHER\n2001:db8::/32,44,CUCC\n2001:db8:7::/48,0,OTHER\n", 2, 0, 0, 4, 1},
		{"all of it", "", 0, 4, 0, 512 + 65536, 65536},
		{"around it", "0.0.0.0/0,44,CUCC\n::/0,44,CUCC\n", 2, 4, 0, 1<<32 - 512 - 65536, 1<<48 - 65536},
	} {
		now := table(t, tt.now)
		d := Diff(old, now)
		if d.Added != tt.added || d.Removed != tt.removed || d.Changed != tt.changed || d.IPv4Moved != tt.ipv4 || d.IPv6Moved != tt.ipv6 {
			t.Errorf("%s: %+v", tt.name, d)
		}
		back := Diff(now, old)
		if back.Added != tt.removed || back.Removed != tt.added || back.IPv4Moved != tt.ipv4 || back.IPv6Moved != tt.ipv6 || len(back.Changes) != len(d.Changes) {
			t.Errorf("%s, backwards: %+v", tt.name, back)
		}
	}
}

// TestDiffAgreesWithLookups counts the addresses of a small corner one by one.
func TestDiffAgreesWithLookups(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 4))
		var sides [2]*Table
		for i := range sides {
			seen := map[netip.Prefix]bool{}
			var entries []Entry
			for range random.IntN(40) {
				p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(4)), byte(random.IntN(256))}), 22+random.IntN(11)).Masked()
				if !seen[p] {
					seen[p] = true
					entries = append(entries, Entry{p, class.Of(44, class.ISP(random.IntN(3)))})
				}
			}
			var err error
			if sides[i], err = New(entries); err != nil {
				t.Fatal(err)
			}
		}
		want := uint64(0)
		for a := netip.MustParseAddr("10.0.0.0"); a != netip.MustParseAddr("10.0.4.0"); a = a.Next() {
			_, old, _ := sides[0].Lookup(a)
			if _, now, _ := sides[1].Lookup(a); now != old {
				want++
			}
		}
		if d := Diff(sides[0], sides[1]); d.IPv4Moved != want || d.IPv6Moved != 0 {
			t.Fatalf("seed %d: %d addresses moved, want %d", seed, d.IPv4Moved, want)
		}
	}
}
