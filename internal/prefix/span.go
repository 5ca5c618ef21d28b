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
func Spans(entries []Entry) (out []Span) {
	sorted := Sorted(entries)
	ipv6 := slices.IndexFunc(sorted, func(e Entry) bool { return !e.Prefix.Addr().Is4() })
	if ipv6 < 0 {
		ipv6 = len(sorted)
	}
	out = appendSpans(out, sorted[:ipv6], netip.MustParsePrefix("0.0.0.0/0"))
	return appendSpans(out, sorted[ipv6:], netip.MustParsePrefix("::/0"))
}

// appendSpans appends the runs of one family. Their answers are classes, and one more: 0 is of no prefix.
func appendSpans(to []Span, sorted []Entry, family netip.Prefix) []Span {
	f := flattener[netip.Addr]{less: netip.Addr.Less, next: netip.Addr.Next, min: family.Addr(), max: Last(family)}
	f.begin(len(sorted))
	for _, e := range sorted {
		f.add(e.Prefix.Addr(), Last(e.Prefix), uint32(e.Class)+1)
	}
	runs := f.finish()
	for i, r := range runs {
		last := f.max
		if i+1 < len(runs) {
			last = runs[i+1].start.Prev()
		}
		if r.answer > 0 {
			to = append(to, Span{r.start, last, class.ID(r.answer - 1)})
		}
	}
	return to
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
