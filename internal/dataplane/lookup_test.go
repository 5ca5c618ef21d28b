package dataplane

import (
	"encoding/csv"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// agree checks that the kernel and the snapshot say the same of an address.
func agree(t *testing.T, b *bench, s *path.Snapshot, a netip.Addr) {
	t.Helper()
	got, err := b.Lookup(a)
	if err != nil {
		t.Fatal(err)
	}
	if want := s.Lookup(a); got != want {
		t.Fatalf("kernel %+v, snapshot %+v", got, want)
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

// boundaries are the first and the last address of a prefix, the one before and the one after.
func boundaries(p netip.Prefix) (all []netip.Addr) {
	for _, a := range []netip.Addr{p.Addr(), last(p), p.Addr().Prev(), last(p).Next()} {
		if a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

func randomAddr(r *rand.Rand, six bool) netip.Addr {
	if !six {
		v := r.Uint32()
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	}
	var b [16]byte
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	b[0], b[1] = 0x20|b[0]&1, b[1]&3 // close together, so that prefixes nest
	return netip.AddrFrom16(b)
}

// nested makes prefixes of every length, many within each other, and the two that cover everything.
func nested(r *rand.Rand, n int) []prefix.Entry {
	all := class.All()
	seen := map[netip.Prefix]bool{}
	entries := make([]prefix.Entry, 0, n)
	add := func(p netip.Prefix) {
		if !seen[p] {
			seen[p] = true
			entries = append(entries, prefix.Entry{Prefix: p, Class: all[r.IntN(len(all))]})
		}
	}
	add(netip.MustParsePrefix("0.0.0.0/0"))
	add(netip.MustParsePrefix("::/0"))
	for len(entries) < n {
		a := randomAddr(r, r.IntN(2) == 0)
		if len(entries) > 10 && r.IntN(2) == 0 {
			a = entries[r.IntN(len(entries))].Prefix.Addr()
		}
		p, _ := a.Prefix(r.IntN(a.BitLen() + 1))
		add(p)
	}
	return entries
}

func TestKernelAndSnapshotAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{2, 50, 5000} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			entries := nested(r, n)
			table, err := prefix.New(entries[n%3:]) // with and without those that cover everything
			if err != nil {
				t.Fatal(err)
			}
			checkAgreement(t, r, table)
		})
	}
}

// readPrefixes reads a file of prefixes, of the same prefix the first line.
func readPrefixes(t *testing.T, name string) []prefix.Entry {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var entries []prefix.Entry
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		if seen[row[0]] { // claimed by two operators: the importers' business
			continue
		}
		seen[row[0]] = true
		province, perr := class.ParseProvince(row[1])
		isp, ierr := class.ParseISP(row[2])
		if perr != nil || ierr != nil {
			t.Fatal(row, perr, ierr)
		}
		entries = append(entries, prefix.Entry{Prefix: netip.MustParsePrefix(row[0]), Class: class.Of(province, isp)})
	}
	return entries
}

func checkAgreement(t *testing.T, r *rand.Rand, table *prefix.Table) {
	t.Helper()
	s := &path.Snapshot{Prefixes: table}
	for i, id := range class.All() {
		s.Profiles[id] = path.NewProfile(mtu.Effective{MTU: 1300 + uint16(i), Source: mtu.Source(i % 5)})
	}
	b := newBench(t, s, false)
	for _, e := range table.Entries() {
		for _, a := range boundaries(e.Prefix) {
			agree(t, b, s, a)
		}
	}
	for range 20000 {
		agree(t, b, s, randomAddr(r, r.IntN(2) == 0))
	}
	agree(t, b, s, netip.MustParseAddr("::ffff:198.51.100.7"))
	agree(t, b, s, netip.MustParseAddr("fe80::1%eth0"))
}

func TestLookupRefusesNoAddress(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	if _, err := b.Lookup(netip.Addr{}); err == nil {
		t.Error("looked up no address")
	}
}
