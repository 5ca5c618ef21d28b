package prefix

import (
	"maps"
	"net/netip"
	"slices"

	"quicedge/internal/class"
)

// Stat describes a table.
type Stat struct {
	IPv4, IPv6 Family
	Classes    map[class.ID]*ClassStat
}

// Family describes the prefixes of one address family.
type Family struct {
	Prefixes int
	Lengths  [129]int // prefixes by their length
	Nested   int      // prefixes that lie within another one
	Depth    int      // how many prefixes cover one address, at most
}

// ClassStat is what a class has.
type ClassStat struct {
	Prefixes int
	Coverage
}

// Coverage is how many addresses are of a class, by their longest prefix.
type Coverage struct {
	IPv4 uint64  // addresses
	IPv6 float64 // /48 networks, which is what a site has (RFC 6177)
}

func (c *Coverage) add(first, last netip.Addr) {
	if first.Is4() {
		c.IPv4 += in32s(first, last)
	} else {
		c.IPv6 += in48s(first, last)
	}
}

func in32s(first, last netip.Addr) uint64 { return number(last).minus(number(first)).lo + 1 }

func in48s(first, last netip.Addr) float64 {
	return (number(last).minus(number(first)).float() + 1) / (1 << 80)
}

// Stat counts a table's prefixes and the addresses they cover.
func (t *Table) Stat() Stat {
	s := Stat{Classes: map[class.ID]*ClassStat{}}
	var around []netip.Prefix
	for _, e := range Sorted(t.Entries()) {
		for len(around) > 0 && !around[len(around)-1].Contains(e.Prefix.Addr()) {
			around = around[:len(around)-1]
		}
		around = append(around, e.Prefix)
		s.family(e.Prefix).add(e.Prefix, len(around))
		s.class(e.Class).Prefixes++
	}
	for _, span := range Spans(t.Entries()) {
		s.class(span.Class).add(span.First, span.Last)
	}
	return s
}

// Covered sums up the classes.
func (s Stat) Covered() Coverage {
	var all Coverage
	for _, id := range slices.Sorted(maps.Keys(s.Classes)) { // in one order, so that parts of a /48 add up alike
		all.IPv4 += s.Classes[id].IPv4
		all.IPv6 += s.Classes[id].IPv6
	}
	return all
}

func (s *Stat) family(p netip.Prefix) *Family {
	if p.Addr().Is4() {
		return &s.IPv4
	}
	return &s.IPv6
}

func (s *Stat) class(id class.ID) *ClassStat {
	if s.Classes[id] == nil {
		s.Classes[id] = &ClassStat{}
	}
	return s.Classes[id]
}

func (f *Family) add(p netip.Prefix, depth int) {
	f.Prefixes++
	f.Lengths[p.Bits()]++
	f.Depth = max(f.Depth, depth)
	if depth > 1 {
		f.Nested++
	}
}

// KernelSize returns the bytes of the kernel's tables, DIR-24-8 and DXR; there are two of each while a table is replaced. It
// fails as PlanDir24 does.
func (t *Table) KernelSize() (ipv4, ipv6 int, err error) {
	v4, v6, err := Sort(t.Entries())
	if err != nil {
		return 0, 0, err
	}
	dir, err := PlanDir24(v4)
	if err != nil {
		return 0, 0, err
	}
	return dir.Bytes(), PlanDxr6(v6, 0).Bytes(), nil
}
