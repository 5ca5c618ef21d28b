package prefix

// dxrLists are the lists of a table for IPv6, behind its roots.
type dxrLists struct {
	words []uint64
	side  uint16 // the slot of those that the first array has no room for
}

// ranges makes runs into a list by one part of their addresses, and into lists by the parts behind it where runs differ in
// those only. The runs share the parts before it; before is the answer of the addresses below the first run.
func (l *dxrLists) ranges(kind int, runs []run[addr6], before uint32) []span6 {
	list := make([]span6, 0, len(runs)+1)
	if len(runs) == 0 || part(runs[0].start, kind) != 0 || rest(runs[0].start, kind) != 0 {
		list = append(list, span6{0, answerSpan(before)})
	}
	for len(runs) > 0 {
		at := part(runs[0].start, kind)
		n := 1
		for n < len(runs) && part(runs[n].start, kind) == at {
			n++
		}
		if n == 1 && rest(runs[0].start, kind) == 0 {
			list = append(list, span6{at, answerSpan(runs[0].answer)})
		} else {
			list = append(list, span6{at, l.place(kind+1, l.ranges(kind+1, runs[:n], before))})
			if at != highest(kind) && (n == len(runs) || part(runs[n].start, kind) != at+1) {
				list = append(list, span6{at + 1, answerSpan(runs[n-1].answer)})
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
	for {
		var tree []span6
		for len(list) > 0 {
			n, s := l.placeFirst(kind, list)
			tree = append(tree, span6{list[0].start, s})
			list = list[n:]
		}
		if len(tree) == 1 {
			return tree[0].span
		}
		list = tree
	}
}

// placeFirst makes as many ranges as it can an element, from the first on, and returns how many those are.
func (l *dxrLists) placeFirst(kind int, list []span6) (n int, s span) {
	if n := min(len(list), dxrBrief); kind == spanHigh && isBrief(list[:n]) {
		return n, l.placeBrief(list[:n])
	}
	n = min(len(list), dxrRanges)
	element := l.take()
	for i := range dxrRanges {
		r := list[min(i, n-1)] // repeated, so that the search need not know how many there are
		element[i], element[dxrRanges+i] = r.start, uint64(r.span)
	}
	return n, l.last(kind)
}

// isBrief reports whether ranges fit a brief list. Those of one root in 2000::/3 do not differ in the 16 bits that it leaves out.
func isBrief(list []span6) bool {
	for _, r := range list {
		if r.start>>61 != 1 || r.span.kind() != spanAnswer || r.start&0xffff != 0 {
			return false
		}
	}
	return true
}

func (l *dxrLists) placeBrief(list []span6) span {
	element := l.take()
	for i := range dxrBrief {
		r := list[min(i, len(list)-1)]
		shift := 32 * (i % 2)
		element[i/2] |= r.start >> 16 & (1<<32 - 1) << shift
		element[(dxrBrief+i)/2] |= uint64(r.span.to()) << shift
	}
	return l.last(spanBrief)
}

// take is an element that is all zero.
func (l *dxrLists) take() []uint64 {
	l.words = append(l.words, make([]uint64, dxrWords)...)
	return l.words[len(l.words)-dxrWords:]
}

// last leads to the element taken last.
func (l *dxrLists) last(kind int) span {
	return listSpan(kind, dxrRoots+len(l.words)/dxrWords-1, l.side)
}
