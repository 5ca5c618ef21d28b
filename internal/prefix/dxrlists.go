package prefix

import "slices"

// dxrLists are the lists of a table for IPv6, behind its roots.
type dxrLists struct{ words []uint64 }

// ranges makes runs into a list by one part of their addresses, and into lists by the parts behind it where runs differ in
// those only. The runs share the parts before it; before is the answer of the addresses below the first run.
func (l *dxrLists) ranges(kind int, runs []run[addr6], before uint32) []span6 {
	list := make([]span6, 0, len(runs)+1)
	if len(runs) == 0 || part(runs[0].start, kind) != 0 || rest(runs[0].start, kind) != 0 {
		list = append(list, span6{0, newSpan(spanAnswer, before)})
	}
	for len(runs) > 0 {
		at := part(runs[0].start, kind)
		n := 1
		for n < len(runs) && part(runs[n].start, kind) == at {
			n++
		}
		if n == 1 && rest(runs[0].start, kind) == 0 {
			list = append(list, span6{at, newSpan(spanAnswer, runs[0].answer)})
		} else {
			list = append(list, span6{at, l.place(kind+1, l.ranges(kind+1, runs[:n], before))})
			if at != highest(kind) && (n == len(runs) || part(runs[n].start, kind) != at+1) {
				list = append(list, span6{at + 1, newSpan(spanAnswer, runs[n-1].answer)})
			}
		}
		before = runs[n-1].answer
		runs = runs[n:]
	}
	return list
}

// part is what lists of a kind are sorted by.
func part(a addr6, kind int) uint64 {
	switch kind {
	case spanHigh:
		return a.high
	case spanMiddle:
		return a.low >> 32
	}
	return a.low & (1<<32 - 1)
}

// rest is what is behind that part.
func rest(a addr6, kind int) uint64 {
	switch kind {
	case spanHigh:
		return a.low
	case spanMiddle:
		return a.low & (1<<32 - 1)
	}
	return 0
}

// highest is the highest value of the part.
func highest(kind int) uint64 {
	if kind == spanHigh {
		return 1<<64 - 1
	}
	return 1<<32 - 1
}

// place puts a list into the table, one that is longer than an element as a search tree.
func (l *dxrLists) place(kind int, list []span6) span {
	for len(list) > dxrRanges {
		tree := make([]span6, 0, len(list)/dxrRanges+1)
		for short := range slices.Chunk(list, dxrRanges) {
			tree = append(tree, span6{short[0].start, l.placeShort(kind, short)})
		}
		list = tree
	}
	return l.placeShort(kind, list)
}

// placeShort makes a list an element. It repeats the last range, so that the search need not know how many there are.
func (l *dxrLists) placeShort(kind int, list []span6) span {
	at := len(l.words)
	l.words = append(l.words, make([]uint64, dxrWords)...)
	for i := range dxrRanges {
		r := list[min(i, len(list)-1)]
		l.words[at+i], l.words[at+dxrRanges+i] = r.start, uint64(r.span)
	}
	return newSpan(kind, uint32(dxrRoots+at/dxrWords))
}
