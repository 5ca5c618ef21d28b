package dataplane

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// uniform is a table in which everything is of one class.
func uniform(t *testing.T, id class.ID, prefixes []netip.Prefix) *path.Snapshot {
	t.Helper()
	var entries []prefix.Entry
	for _, p := range prefixes {
		entries = append(entries, prefix.Entry{Prefix: p, Class: id})
	}
	table, err := prefix.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return &path.Snapshot{Prefixes: table}
}

func parsePrefixes(list string) (all []netip.Prefix) {
	for _, p := range strings.Fields(list) {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// swapRound swaps a table in, and another back.
func swapRound(a *asker, there, back *path.Snapshot) error {
	for _, s := range []*path.Snapshot{there, back} {
		c, err := a.prepare(s, "")
		if err != nil {
			return err
		}
		_, err = a.commit(c)
		if err := errors.Join(err, c.close()); err != nil {
			return err
		}
	}
	return nil
}

// Every answer given while tables are swapped is wholly that of the one or of the other, down to the length of the prefix,
// for addresses whose answer is in a root, in a leaf, and deep in a search tree. What one table leads to is not there, or
// something else, in the other; both have more lists than their first array holds.
func TestNoLookupSeesAMixedTable(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	rounds, size := 6, 50_000
	if testing.Short() { // in emulation
		rounds, size = 5, 5000
	}
	small := parsePrefixes("10.1.0.0/16 10.1.2.128/25 10.77.0.3/32 192.0.2.0/24 2001:db8::/32 2001:db8::1/128 2001:db8:23::/48 2001:db8:0:7:1::/80 fd00::/8 fd00::/127")
	large := parsePrefixes("0.0.0.0/0 10.1.0.0/17 10.1.2.200/31 10.77.0.0/27 ::/0 2001:db8::/127 2001:db8:0:7::/64 fd00::1/128")
	for _, e := range slices.Concat(internet4(r, size/4), internet6(r, size/4), hosts(r, size)) {
		large = append(large, e.Prefix)
	}
	for _, e := range hosts(r, size) {
		small = append(small, e.Prefix)
	}
	one, two := uniform(t, heilongjiang, small), uniform(t, gansu, large)
	for _, kind := range []TableKind{TableDIR, TableTrie} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWatch(newAsker(t, kind, one), one.Prefixes, two.Prefixes)
			done := make(chan error, 1)
			go func() {
				var err error
				for i := 0; i < rounds && err == nil; i++ {
					err = swapRound(w.asker, two, one)
				}
				done <- err
			}()
			for swapping := true; swapping; {
				select {
				case err := <-done:
					if swapping = false; err != nil {
						t.Fatal(err)
					}
				default:
				}
				w.look(t)
			}
			for at, n := range w.seen {
				if n[0] == 0 || n[1] == 0 {
					t.Errorf("%s: answered %d times by the one table, %d times by the other", w.addrs[at], n[0], n[1])
				}
			}
			t.Logf("%d answers", w.asked)
		})
	}
}

// watch asks for a few addresses again and again.
type watch struct {
	*asker
	addrs []netip.Addr
	want  [][2]prefix.Answer // of the one table, and of the other
	seen  [][2]int
	four  []uint32
	six   []addr6
	asked int
}

func newWatch(a *asker, one, two *prefix.Table) *watch {
	w := &watch{asker: a}
	for _, s := range strings.Fields("10.1.9.9 10.1.2.200 10.77.0.3 192.0.2.1 2001:db8::1 2001:db8:23::7 2001:db8:0:7:1::9 fd00::1") {
		a := netip.MustParseAddr(s)
		w.addrs = append(w.addrs, a)
		w.want = append(w.want, [2]prefix.Answer{answerOf(one, a), answerOf(two, a)})
	}
	w.seen = make([][2]int, len(w.addrs))
	for range 1000 {
		for i := range w.addrs {
			if i < 4 {
				w.four = append(w.four, number4(w.addrs[i]))
			} else {
				w.six = append(w.six, addr6Of(w.addrs[i]))
			}
		}
	}
	return w
}

// look asks for the addresses a thousand times.
func (w *watch) look(t *testing.T) {
	t.Helper()
	for i, got := range w.ask4(t, w.four) {
		w.saw(t, i%4, got)
	}
	for i, got := range w.ask6(t, w.six) {
		w.saw(t, 4+i%4, got)
	}
}

func (w *watch) saw(t *testing.T, at int, got prefix.Answer) {
	t.Helper()
	which := slices.Index(w.want[at][:], got)
	if which < 0 {
		t.Fatalf("%s: answered %#x, the tables have %#x", w.addrs[at], got, w.want[at])
	}
	w.seen[at][which]++
	w.asked++
}
