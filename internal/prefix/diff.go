package prefix

import (
	"net/netip"

	"quicedge/internal/class"
)

// Change is one prefix that two tables do not have alike.
type Change struct {
	Prefix   netip.Prefix
	Old, New class.ID
	Added    bool // only the new table has it
	Removed  bool // only the old table has it
}

// Difference is what has to be done to one table to make another of it.
type Difference struct {
	Changes                 []Change // in the order of prefixes
	Added, Removed, Changed int
	IPv4Moved               uint64  // IPv4 addresses that change class; an address without a prefix has class 0
	IPv6Moved               float64 // the same of IPv6, in /48 networks
}

// Diff compares two tables by prefix and by what they answer. Tables with other prefixes may answer alike.
func Diff(from, to *Table) Difference {
	d := Difference{}
	before, after := Sorted(from.Entries()), Sorted(to.Entries())
	for len(before) > 0 || len(after) > 0 {
		order := 0
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = before[0].Prefix.Compare(after[0].Prefix)
		}
		switch {
		case order < 0:
			d.add(Change{Prefix: before[0].Prefix, Old: before[0].Class, Removed: true})
			before = before[1:]
		case order > 0:
			d.add(Change{Prefix: after[0].Prefix, New: after[0].Class, Added: true})
			after = after[1:]
		default:
			if before[0].Class != after[0].Class {
				d.add(Change{Prefix: before[0].Prefix, Old: before[0].Class, New: after[0].Class})
			}
			before, after = before[1:], after[1:]
		}
	}
	d.IPv4Moved, d.IPv6Moved = moved(from.Entries(), to.Entries())
	return d
}

func (d *Difference) add(c Change) {
	d.Changes = append(d.Changes, c)
	switch {
	case c.Added:
		d.Added++
	case c.Removed:
		d.Removed++
	default:
		d.Changed++
	}
}

// moved counts the addresses whose class differs.
func moved(from, to []Entry) (ipv4 uint64, ipv6 float64) {
	before, after := Spans(from), Spans(to)
	for len(before) > 0 || len(after) > 0 {
		// The next run of addresses in which neither table changes its answer.
		first, last, old, now := nextRun(&before, &after)
		switch {
		case old == now:
		case first.Is4():
			ipv4 += in32s(first, last)
		default:
			ipv6 += in48s(first, last)
		}
	}
	return ipv4, ipv6
}

func nextRun(before, after *[]Span) (first, last netip.Addr, old, now class.ID) {
	for _, spans := range []*[]Span{before, after} {
		if len(*spans) > 0 && (!first.IsValid() || (*spans)[0].First.Less(first)) {
			first = (*spans)[0].First
		}
	}
	for _, side := range []struct {
		spans *[]Span
		class *class.ID
	}{{before, &old}, {after, &now}} {
		end, id := reach(*side.spans, first)
		*side.class = id
		if end.IsValid() && (!last.IsValid() || end.Less(last)) {
			last = end
		}
	}
	cut(before, last)
	cut(after, last)
	return first, last, old, now
}

// reach returns how far the answer at an address holds, the zero address for as far as the other side goes.
func reach(spans []Span, at netip.Addr) (last netip.Addr, id class.ID) {
	switch {
	case len(spans) == 0 || spans[0].First.BitLen() != at.BitLen():
		return netip.Addr{}, 0
	case spans[0].First == at:
		return spans[0].Last, spans[0].Class
	}
	return spans[0].First.Prev(), 0
}

// cut takes away the addresses up to last.
func cut(spans *[]Span, last netip.Addr) {
	if len(*spans) == 0 || last.Less((*spans)[0].First) {
		return
	}
	if (*spans)[0].Last == last {
		*spans = (*spans)[1:]
		return
	}
	// Tables are read-only: the run that is cut is ours, Spans made it.
	(*spans)[0].First = last.Next()
}
