package prefix

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"quicedge/internal/class"
)

// kernelTables are the tables of both families, in ordinary memory.
type kernelTables struct{ roots, leaves, blocks, lists []byte }

func newKernelTables(t testing.TB, entries []Entry) kernelTables {
	t.Helper()
	v4, v6, err := Sort(entries)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := PlanDir24(v4)
	if err != nil {
		t.Fatal(err)
	}
	dxr := PlanDxr6(v6, 1)
	k := kernelTables{
		make([]byte, DirRootsSize), make([]byte, dir.Leaves()*DirLeafSize),
		make([]byte, DxrBlocksSize), make([]byte, dxr.Lists()*DxrBlockSize),
	}
	dir.Fill(k.roots, k.leaves, 1)
	dxr.Fill(k.blocks, k.lists)
	return k
}

func (k kernelTables) lookup(a netip.Addr) Answer {
	if a.Is4() {
		return LookupDir24(k.roots, k.leaves, a.As4())
	}
	return LookupDxr6(k.blocks, k.lists, a.As16())
}

// agree checks that the tables and the tree say the same of an address.
func (k kernelTables) agree(t *testing.T, table *Table, a netip.Addr) {
	t.Helper()
	got := k.lookup(a)
	prefix, id, found := table.Lookup(a)
	if p, ok := got.Prefix(a); ok != found || p != prefix || got.Class() != id {
		t.Fatalf("%s: the kernel's table has %v %d, the tree %v %d", a, p, got.Class(), prefix, id)
	}
}

// last is the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// edges are the first and the last address of a prefix, the one before and the one after.
func edges(p netip.Prefix) (all []netip.Addr) {
	for _, a := range []netip.Addr{p.Addr(), last(p), p.Addr().Prev(), last(p).Next()} {
		if a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

// randomAddr is near others that it gives: of some bits few differ.
func randomAddr(r *rand.Rand) netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(r.Uint32()) & byte(r.Uint32()>>r.IntN(9))
	}
	if r.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	if r.IntN(4) > 0 {
		b[0] = b[0]&0x1f | 0x20
	}
	return netip.AddrFrom16(b)
}

// randomEntries are prefixes of every length, many within each other and next to each other.
func randomEntries(r *rand.Rand, n int) []Entry {
	all := class.All()
	seen := map[netip.Prefix]bool{}
	entries := make([]Entry, 0, n)
	for len(entries) < n {
		a := randomAddr(r)
		if len(entries) > 0 && r.IntN(2) == 0 {
			near := edges(entries[r.IntN(len(entries))].Prefix)
			a = near[r.IntN(len(near))]
		}
		p, _ := a.Prefix(r.IntN(a.BitLen() + 1))
		if !p.Addr().Is4In6() && !seen[p] {
			seen[p] = true
			entries = append(entries, Entry{p, all[r.IntN(len(all))]})
		}
	}
	return entries
}

func checkTables(t *testing.T, r *rand.Rand, entries []Entry) {
	t.Helper()
	table, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	k := newKernelTables(t, entries)
	for _, e := range entries {
		for _, a := range edges(e.Prefix) {
			k.agree(t, table, a)
		}
	}
	for range 20_000 {
		if a := randomAddr(r); !a.Is4In6() {
			k.agree(t, table, a)
		}
	}
}

func TestKernelTablesAnswerLikeTheTree(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{0, 1, 2, 3, 10, 100, 1000, 20_000} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			for range 1 + 100/(n+1) {
				checkTables(t, r, randomEntries(r, n))
			}
		})
	}
}

func TestKernelTablesOfPrefixesThatAreHardToPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for name, prefixes := range map[string]string{
		"everything":                      "0.0.0.0/0 ::/0",
		"the first and the last address":  "0.0.0.0/32 255.255.255.255/32 ::/128 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
		"inside everything":               "0.0.0.0/0 0.0.0.0/32 255.255.255.255/32 ::/0 ::/128 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
		"a whole root and beyond":         "10.0.0.0/15 10.1.0.0/24 10.0.255.255/32 2001:c00::/23 2001:d00::/24 2001:e00::/128",
		"the ends of 2000::/3":            "2000::/3 2000::/128 3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 4000::/128",
		"across 2000::/3":                 "::/1 ::/2 2000::/4 4000::/2",
		"a split /64 and the next":        "2001:db8::/127 2001:db8::8000:0:0:0/65 2001:db8:0:1::/65",
		"the last /64 of a root is split": "2001:dff:ffff:ffff::/127 2001:dff:ffff:ffff::4/126",
		"the last /64 of all is split":    "ffff:ffff:ffff:ffff::/127 ffff:ffff:ffff:ffff:8000::/65",
		"bits 96 to 127":                  "2001:db8::/128 2001:db8::2/128 2001:db8::ffff:ffff/128 2001:db8::1:0:0/128 2001:db8::1:0:0/96",
		"neighbours of one class":         "198.51.100.0/25 198.51.100.128/25 2001:db8::/33 2001:db8:8000::/33",
		"leaves of one root":              "10.1.0.128/25 10.1.7.7/32 10.1.255.0/31 10.2.0.0/32",
	} {
		t.Run(name, func(t *testing.T) {
			var entries []Entry
			for i, p := range strings.Fields(prefixes) {
				entries = append(entries, Entry{netip.MustParsePrefix(p), class.All()[1+i%7]})
			}
			checkTables(t, r, entries)
			for i := range entries {
				entries[i].Class = class.Of(23, class.CMCC)
			}
			checkTables(t, r, entries)
		})
	}
}

// Lists of every length around that of a block, and of a tree of blocks, by each part of an address.
func TestKernelTablesOfLongLists(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, n := range []int{127, 128, 129, 255, 256, 257, 40_000} {
		var entries []Entry
		for i := range n {
			for k, at := range []int{4, 9, 13} {
				a := netip.MustParseAddr("2001:db8::").As16()
				a[at-1-k], a[at], a[at+1] = byte(k), byte(i>>7), byte(i<<1)
				entries = append(entries, Entry{netip.PrefixFrom(netip.AddrFrom16(a), 8*at+16), class.All()[i%7]})
			}
		}
		t.Run(strconv.Itoa(n), func(t *testing.T) { checkTables(t, r, distinct(entries)) })
	}
}

func TestKernelTablesOfMoreListsThanTheFirstArrayHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	var entries []Entry
	for i := range 40_000 {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[6], a[7], a[15] = byte(i>>8), byte(i), byte(r.Uint32())
		entries = append(entries, Entry{netip.PrefixFrom(netip.AddrFrom16(a), 128), class.All()[i%7]})
	}
	if k := newKernelTables(t, entries); len(k.lists) == 0 {
		t.Error("the first array holds them all")
	}
	checkTables(t, r, entries)
}

func distinct(entries []Entry) (kept []Entry) {
	seen := map[netip.Prefix]bool{}
	for _, e := range entries {
		e.Prefix = e.Prefix.Masked()
		if !seen[e.Prefix] {
			seen[e.Prefix] = true
			kept = append(kept, e)
		}
	}
	return kept
}

func TestTooManyLongPrefixesSayWhatToDo(t *testing.T) {
	keys := make([]Key4, MaxLeaves+1)
	for i := range keys {
		keys[i] = key4(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}), 32), 8)
	}
	if _, err := PlanDir24(keys[1:]); err != nil {
		t.Errorf("%d leaves: %v", MaxLeaves, err)
	}
	if _, err := PlanDir24(keys); err == nil || !strings.Contains(err.Error(), "--table-kind trie") {
		t.Errorf("%d leaves: %v", len(keys), err)
	}
}

func TestClassBeyondTheTableIsRefused(t *testing.T) {
	if _, _, err := Sort([]Entry{{netip.MustParsePrefix("10.0.0.0/8"), class.Max}}); err == nil {
		t.Error("sorted")
	}
}
