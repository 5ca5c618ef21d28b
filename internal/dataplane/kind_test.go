package dataplane

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quicedge/bpf"
	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// kindsOf returns which kinds of table there are, by the slots that are full.
func kindsOf(t *testing.T, p *Plane) (kinds []TableKind) {
	t.Helper()
	for _, s := range p.slots() {
		id, err := s.current()
		if err != nil {
			t.Fatal(err)
		}
		if id != 0 {
			kinds = append(kinds, s.kind)
		}
	}
	return kinds
}

// mustAnswer checks that the kernel and the snapshot say the same of the tests' addresses.
func mustAnswer(t *testing.T, when string, p *Plane, s *path.Snapshot) {
	t.Helper()
	for _, a := range []netip.Addr{harbin4, harbin6, gansu4, gansu6, unclamped4, stranger4, strange} {
		if m, err := p.Lookup(a); err != nil || m != s.Lookup(a) {
			t.Errorf("%s: %s is %+v, %v; want %+v", when, a, m, err, s.Lookup(a))
		}
	}
}

// movedSnapshot is testSnapshot with other classes.
func movedSnapshot(t *testing.T) *path.Snapshot {
	t.Helper()
	s := snapshot(t, map[string]class.ID{"198.51.100.0/24": gansu, "198.51.100.128/25": yunnan, "2001:db8:23::/48": yunnan}, nil)
	s.Profiles = testSnapshot(t).Profiles
	return s
}

func TestLoadChangesTheKindOfTable(t *testing.T) {
	l := newLab(t)
	opened := l.mustLoad(testSnapshot(t))
	for _, kind := range []TableKind{TableDIR, TableTrie, TableTrie, TableDIR} {
		l.cfg.TableKind = kind
		p := l.mustLoad(testSnapshot(t))
		if got := kindsOf(t, p); !slices.Equal(got, []TableKind{kind, kind}) {
			t.Errorf("loaded %s: tables are %v", kind, got)
		}
		mustAnswer(t, "loaded "+string(kind), p, testSnapshot(t))
		// A process that opened the data plane before changes what is in force now.
		if n := mustApply(t, opened, testSnapshot(t)); n != 0 {
			t.Errorf("the same applied to %s: %d changes", kind, n)
		}
		if n := mustApply(t, opened, movedSnapshot(t)); n != 2 {
			t.Errorf("another applied to %s: %d changes", kind, n)
		}
		mustAnswer(t, "applied to "+string(kind), p, movedSnapshot(t))
		tables, err := p.Tables()
		if err != nil || tables.Kind != kind || tables.IPv4.Prefixes != 2 || tables.IPv6.Prefixes != 1 {
			t.Errorf("%+v, %v", tables, err)
		}
		if big := tables.IPv4.Bytes > 32<<20 && tables.IPv6.Bytes >= 16<<20; big != (kind == TableDIR) {
			t.Errorf("%s takes %+v", kind, tables)
		}
		mustApply(t, opened, testSnapshot(t))
	}
}

// Killed at any step of a change of kind, the old tables are in force or the new ones, and whoever changes them next changes
// those.
func TestKilledChangeOfKindLeavesTablesThatCanBeChanged(t *testing.T) {
	l := newLab(t)
	rx := l.listen(harbin4)
	prepare := func(string) {
		l.clear()
		p, err := l.load(testSnapshot(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	kills := l.killAtEveryStep(childTrie, prepare, func(step string) {
		p, err := Open(l.cfg.PinDir)
		if err != nil {
			t.Fatalf("killed after %q: %v", step, err)
		}
		mustAnswer(t, "killed after "+step, p, testSnapshot(t))
		if !l.clamps(rx) {
			t.Errorf("killed after %q: does not clamp", step)
		}
		mustApply(t, p, movedSnapshot(t))
		mustAnswer(t, "changed after a kill after "+step, p, movedSnapshot(t))
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		l.mustBeWhole(step, rx)
	})
	if kills < 10 {
		t.Errorf("only %d steps", kills)
	}
}

func TestChangeOfKindThatFailsIsUndone(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	before := generationOf(t, p)
	pin := progPin(l.cfg.PinDir, bpf.DataplaneProgQeLookup)
	l.cfg.TableKind = TableTrie
	replaced := 0
	l.cfg.step = func(step string) {
		if step != "replaced a program" {
			return
		}
		if replaced++; replaced != 2 {
			return
		}
		if err := errors.Join(os.Remove(pin), os.MkdirAll(filepath.Join(pin, "in the way"), 0o700)); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.load(testSnapshot(t)); err == nil {
		t.Fatal("loaded without its pins")
	}
	if got := kindsOf(t, p); !slices.Equal(got, []TableKind{TableDIR, TableDIR}) {
		t.Errorf("tables are %v", got)
	}
	if got := generationOf(t, p); got != before {
		t.Errorf("generation %+v, before %+v", got, before)
	}
	mustAnswer(t, "failed", p, testSnapshot(t))
	if !l.clamps(l.listen(harbin4)) {
		t.Error("does not clamp any more")
	}
}

func TestOrderOfEntriesChangesNoTable(t *testing.T) {
	entries := testSnapshot(t).Prefixes.Entries()
	one, err := newTables(entries)
	if err != nil {
		t.Fatal(err)
	}
	other := slices.Clone(entries)
	slices.Reverse(other)
	two, err := newTables(other)
	if err != nil {
		t.Fatal(err)
	}
	if one.digest4 != two.digest4 || one.digest6 != two.digest6 {
		t.Error("the digests differ")
	}
	other[0].Class = class.Of(11, class.CBN)
	three, err := newTables(other)
	if err != nil {
		t.Fatal(err)
	}
	if one.digest4 == three.digest4 && one.digest6 == three.digest6 {
		t.Error("another class makes no difference")
	}
}

func TestLayoutsOfTablesAreThoseOfTheKernel(t *testing.T) {
	spec, err := bpf.LoadDataplane()
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{
		bpf.DataplaneMapPrefixes4: prefix.DirRootsSize, bpf.DataplaneMapPrefixes6: prefix.DxrBlocksSize,
		bpf.DataplaneMapLeaves4: prefix.DirLeafSize, bpf.DataplaneMapLists6: prefix.DxrBlockSize,
	} {
		inner := spec.Maps[name].InnerMap
		if got := inner.ValueSize * inner.MaxEntries; int(got) != size {
			t.Errorf("an array of %s has %d bytes in the kernel, %d in Go", name, got, size)
		}
	}
}
