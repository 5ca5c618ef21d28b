package prefix

import "net/netip"

// Aggregate returns fewer entries that give every address the same class: two halves of one class become the prefix around
// them, and a prefix within one of its own class goes. Prefixes are distinct; the result is in the order of Sorted.
func Aggregate(entries []Entry) []Entry {
	return dropCovered(Sorted(mergeHalves(dropCovered(Sorted(entries)))))
}

// dropCovered leaves out each prefix whose addresses have its class without it. Entries are sorted.
func dropCovered(entries []Entry) []Entry {
	kept := make([]Entry, 0, len(entries))
	var around []Entry
	for _, e := range entries {
		for len(around) > 0 && !around[len(around)-1].Prefix.Contains(e.Prefix.Addr()) {
			around = around[:len(around)-1]
		}
		if len(around) > 0 && around[len(around)-1].Class == e.Class {
			continue
		}
		around = append(around, e)
		kept = append(kept, e)
	}
	return kept
}

// merger joins halves from the longest prefix up: a prefix is finished once all that lie within it are.
type merger struct {
	open     []Entry // prefixes around the current one, not finished
	finished []Entry
	last     [129]int // by length, 1 + the place in finished of the last one; 0 is none
}

// mergeHalves returns entries in no order. Entries are sorted.
func mergeHalves(entries []Entry) []Entry {
	m := merger{finished: make([]Entry, 0, len(entries))}
	for _, e := range entries {
		for len(m.open) > 0 && !m.open[len(m.open)-1].Prefix.Contains(e.Prefix.Addr()) {
			m.finishTop()
		}
		m.open = append(m.open, e)
	}
	for len(m.open) > 0 {
		m.finishTop()
	}
	merged := m.finished[:0]
	for _, e := range m.finished {
		if e.Prefix.IsValid() {
			merged = append(merged, e)
		}
	}
	return merged
}

func (m *merger) finishTop() {
	e := m.open[len(m.open)-1]
	m.open = m.open[:len(m.open)-1]
	for m.joinsHalf(e) {
		whole := parent(e.Prefix)
		m.drop(e.Prefix.Bits())
		if n := len(m.open); n > 0 && m.open[n-1].Prefix == whole {
			m.open[n-1].Class = e.Class // both halves hide what it said
			return
		}
		e.Prefix = whole
	}
	m.finished = append(m.finished, e)
	m.last[e.Prefix.Bits()] = len(m.finished)
}

// joinsHalf reports whether the other half of the prefix around e is finished and of the same class.
func (m *merger) joinsHalf(e Entry) bool {
	bits := e.Prefix.Bits()
	if bits == 0 || m.last[bits] == 0 {
		return false
	}
	other := m.finished[m.last[bits]-1]
	return other.Class == e.Class && other.Prefix != e.Prefix && parent(other.Prefix) == parent(e.Prefix)
}

func (m *merger) drop(bits int) {
	m.finished[m.last[bits]-1] = Entry{}
	m.last[bits] = 0
}

func parent(p netip.Prefix) netip.Prefix { return netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked() }
