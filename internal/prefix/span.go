package prefix

import (
	"net/netip"
	"slices"

	"quicedge/internal/class"
)

// Span is a run of addresses of one family and one class.
type Span struct {
	First, Last netip.Addr
	Class       class.ID
}

// Last returns the last address of a prefix.
func Last(p netip.Prefix) netip.Addr {
	bitLen := p.Addr().BitLen()
	return number(p.Addr()).plus(one128(bitLen - p.Bits()).minus(uint128{lo: 1})).addr(bitLen)
}

// AppendPrefixes appends the fewest prefixes that cover the addresses from first to last and no other. Both are of one family,
// and last is not before first.
func AppendPrefixes(to []netip.Prefix, first, last netip.Addr) []netip.Prefix {
	bitLen := first.BitLen()
	at, end := number(first), number(last)
	for {
		// The largest block that starts at this address and does not pass the end.
		size := min(at.trailingZeros(), bitLen)
		if left := end.minus(at).plus(uint128{lo: 1}); left != (uint128{}) { // 0 stands for 1<<128
			size = min(size, left.len()-1)
		}
		to = append(to, netip.PrefixFrom(at.addr(bitLen), bitLen-size))
		next := at.plus(one128(size))
		if next.minus(uint128{lo: 1}) == end {
			return to
		}
		at = next
	}
}

// Spans returns the addresses that prefixes cover as runs of one class, each with the class of its longest prefix, in the order
// of addresses, IPv4 first. Neighbours of the same class are one run. Addresses without a prefix are in none.
func Spans(entries []Entry) []Span {
	var out []Span
	add := func(first, last netip.Addr, id class.ID) {
		if n := len(out); n > 0 && out[n-1].Class == id && out[n-1].Last.BitLen() == first.BitLen() && out[n-1].Last.Next() == first {
			out[n-1].Last = last
			return
		}
		out = append(out, Span{first, last, id})
	}
	var open []Span // the prefixes around the current address, each with its first address not yet given out
	closeTop := func() {
		top := open[len(open)-1]
		open = open[:len(open)-1]
		if top.First.IsValid() && !top.Last.Less(top.First) {
			add(top.First, top.Last, top.Class)
		}
		if len(open) > 0 {
			open[len(open)-1].First = top.Last.Next()
		}
	}
	for _, e := range Sorted(entries) {
		first, last := e.Prefix.Addr(), Last(e.Prefix)
		for len(open) > 0 && open[len(open)-1].Last.Less(first) {
			closeTop()
		}
		if len(open) > 0 {
			if around := open[len(open)-1]; around.First.Less(first) {
				add(around.First, first.Prev(), around.Class)
			}
		}
		open = append(open, Span{first, last, e.Class})
	}
	for len(open) > 0 {
		closeTop()
	}
	return out
}

// Sorted returns entries in the order of prefixes: IPv4 first, by address, a prefix before those within it.
func Sorted(entries []Entry) []Entry {
	byPrefix := func(a, b Entry) int { return a.Prefix.Compare(b.Prefix) }
	if slices.IsSortedFunc(entries, byPrefix) {
		return entries
	}
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, byPrefix)
	return sorted
}
