package dataplane

import (
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// examiner puts the same addresses to the tables of both kinds, and to the userspace tree.
type examiner struct {
	table *prefix.Table
	kinds map[TableKind]*asker
	four  []uint32
	six   []addr6
	asked int
}

func newExaminer(t *testing.T, entries []prefix.Entry) *examiner {
	t.Helper()
	table, err := prefix.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	s := &path.Snapshot{Prefixes: table}
	return &examiner{table: table, kinds: map[TableKind]*asker{
		TableDIR:  newAsker(t, TableDIR, s),
		TableTrie: newAsker(t, TableTrie, s),
	}}
}

// add asks for an address, together with others.
func (e *examiner) add(t *testing.T, a netip.Addr) {
	t.Helper()
	if a.Is4() {
		e.four = append(e.four, number4(a))
	} else if !a.Is4In6() {
		e.six = append(e.six, addr6Of(a))
	}
	if max(len(e.four), len(e.six)) == maxQuestions {
		e.check(t)
	}
}

// check compares the answers to what was added.
func (e *examiner) check(t *testing.T) {
	t.Helper()
	want4, want6 := make([]prefix.Answer, len(e.four)), make([]prefix.Answer, len(e.six))
	for i, v := range e.four {
		want4[i] = answerOf(e.table, addr4(v))
	}
	for i, v := range e.six {
		want6[i] = answerOf(e.table, v.addr())
	}
	for kind, k := range e.kinds {
		for i, got := range k.ask4(t, e.four) {
			if got != want4[i] {
				t.Fatalf("%s answers %#x for %s, userspace %#x", kind, got, addr4(e.four[i]), want4[i])
			}
		}
		for i, got := range k.ask6(t, e.six) {
			if got != want6[i] {
				t.Fatalf("%s answers %#x for %s, userspace %#x", kind, got, e.six[i].addr(), want6[i])
			}
		}
	}
	e.asked += len(e.four) + len(e.six)
	e.four, e.six = e.four[:0], e.six[:0]
}

// within is a random address of a prefix.
func within(r *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= byte(r.Uint32()) & (0x80 >> (i % 8))
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// anywhere is any address at all.
func anywhere(r *rand.Rand, six bool) netip.Addr {
	if !six {
		return addr4(r.Uint32())
	}
	a := addr6{r.Uint64(), r.Uint64()}
	if r.IntN(2) == 0 {
		a.high = a.high>>3 | 1<<61
	}
	return a.addr()
}

// addRandom asks for n addresses of each family: half of them lie in prefixes of the table.
func (e *examiner) addRandom(t *testing.T, r *rand.Rand, n int) {
	t.Helper()
	var four, six []netip.Prefix
	for _, entry := range e.table.Entries() {
		if entry.Prefix.Addr().Is4() {
			four = append(four, entry.Prefix)
		} else {
			six = append(six, entry.Prefix)
		}
	}
	for i := range n {
		if i%2 == 0 {
			e.add(t, anywhere(r, false))
			e.add(t, anywhere(r, true))
			continue
		}
		if len(four) > 0 {
			e.add(t, within(r, four[r.IntN(len(four))]))
		}
		if len(six) > 0 {
			e.add(t, within(r, six[r.IntN(len(six))]))
		}
	}
}

func TestKernelTablesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	part := 1
	if testing.Short() { // in emulation
		part = 20
	}
	for name, c := range map[string]struct {
		entries []prefix.Entry
		random  int
	}{
		"nothing":              {nil, 1000},
		"every length, nested": {nested(r, 100_000/part), 500_000 / part},
		"of announced lengths": {internet4(r, prefix.MaxPrefixes/part), 500_000 / part},
		"of IPv6":              {internet6(r, 200_000/part), 500_000 / part},
		"hosts of IPv6":        {hosts(r, 100_000/part), 100_000 / part},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExaminer(t, c.entries)
			for _, entry := range c.entries {
				for _, a := range boundaries(entry.Prefix) {
					e.add(t, a)
				}
			}
			e.addRandom(t, r, c.random)
			e.check(t)
			t.Logf("%d prefixes, %d addresses", len(c.entries), e.asked)
		})
	}
}

// The data set of real prefixes, where there is one: every boundary of every prefix, and ten million random addresses.
func TestKernelTablesAgreeOnRealPrefixes(t *testing.T) {
	files, err := filepath.Glob("../../../shared/data/cn_prefixes*.csv")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Log("there are no real prefixes beside the repository: nothing is compared")
		return
	}
	var entries []prefix.Entry
	for _, f := range files {
		entries = append(entries, readPrefixes(t, f)...)
	}
	e := newExaminer(t, entries)
	for _, entry := range entries {
		for _, a := range boundaries(entry.Prefix) {
			e.add(t, a)
		}
	}
	r := rand.New(rand.NewPCG(23, 24))
	e.addRandom(t, r, 5_000_000)
	e.check(t)
	t.Logf("%d prefixes of %d files, %d addresses", len(entries), len(files), e.asked)
}

// internet4 is n prefixes of IPv4 whose lengths are spread as those of announced ones, and one in twenty longer than 24 bits.
func internet4(r *rand.Rand, n int) []prefix.Entry {
	return internet(r, n, func(i int) netip.Prefix {
		bits := pick(r, []int{24, 23, 22, 21, 20, 19, 18, 17, 16}, []int{59, 9, 12, 5, 5, 3, 2, 1, 2})
		if i%20 == 0 {
			bits = 25 + r.IntN(8)
		}
		return netip.PrefixFrom(addr4(1<<24+r.Uint32N(223<<24)), bits)
	})
}

// internet6 is n prefixes of IPv6: a third allocations of providers out of what registries give out, the others lie in those.
func internet6(r *rand.Rand, n int) []prefix.Entry {
	registries := []uint64{0x2001 << 48, 0x2400 << 48, 0x2600 << 48, 0x2800 << 48, 0x2a00 << 48, 0x2c00 << 48}
	var allocations []uint64
	return internet(r, n, func(i int) netip.Prefix {
		if i%3 == 0 {
			high := registries[r.IntN(len(registries))] | r.Uint64N(1<<20)<<32
			allocations = append(allocations, high)
			return netip.PrefixFrom(addr6{high: high}.addr(), pick(r, []int{32, 29, 28}, []int{90, 8, 2}))
		}
		high := allocations[r.IntN(len(allocations))] | r.Uint64N(1<<32)
		return netip.PrefixFrom(addr6{high: high}.addr(), pick(r, []int{48, 44, 40, 36, 56, 64}, []int{60, 12, 12, 10, 4, 2}))
	})
}

// hosts is n single addresses of IPv6, each of which needs lists of its own.
func hosts(r *rand.Rand, n int) []prefix.Entry {
	return internet(r, n, func(int) netip.Prefix {
		return netip.PrefixFrom(addr6{0x20010db800ff<<16 | r.Uint64N(1<<16), r.Uint64()}.addr(), 128)
	})
}

// internet collects n different prefixes of random classes.
func internet(r *rand.Rand, n int, next func(i int) netip.Prefix) []prefix.Entry {
	all := class.All()
	seen := make(map[netip.Prefix]bool, n)
	entries := make([]prefix.Entry, 0, n)
	for len(entries) < n {
		if p := next(len(entries)).Masked(); !seen[p] {
			seen[p] = true
			entries = append(entries, prefix.Entry{Prefix: p, Class: all[r.IntN(len(all))]})
		}
	}
	return entries
}

// pick is one of values, each as often as its weight says; the weights add up to 100 or less, the first has what is left.
func pick(r *rand.Rand, values, weights []int) int {
	at := r.IntN(100)
	for i, w := range weights {
		if at -= w; at < 0 {
			return values[i]
		}
	}
	return values[0]
}
