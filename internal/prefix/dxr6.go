package prefix

import (
	"encoding/binary"
	"unsafe"
)

// DxrBlockSize is the size in bytes of an element of a table for IPv6, union dxr_block in bpf/types.h, where its layout is
// described.
const DxrBlockSize = 8 * dxrWords

// Numbers of the layout, with their twins in bpf/types.h.
const (
	dxrWords  = 16 // of an element, each a span or a start
	dxrRanges = 8  // of a list
)

// Roots by address: those below 2000::/3, those in it, those above it.
const (
	rootsBelow  = 1 << 6
	rootsWithin = 1 << 21
	rootsAbove  = 6 * rootsBelow
	dxrRoots    = (rootsWithin + 8*rootsBelow) / dxrWords // elements that hold roots; the roots by bits 0..8 include 2000::/3
)

// Kinds of span: which part of an address the list is sorted by.
const (
	spanAnswer = iota
	spanHigh   // bits 0..63
	spanMiddle // bits 64..95
	spanLow    // bits 96..127
)

// span is struct dxr_span as a number: what it leads to, and the kind above it.
type span uint64

func newSpan(kind int, to uint32) span { return span(to) | span(kind)<<32 }

func (s span) to() uint32 { return uint32(s) }
func (s span) kind() int  { return int(s >> 32) }

// span6 is a range of a list: it ends before the next.
type span6 struct {
	start uint64
	span  span
}

// Dxr6 is the plan of a DXR table, the kernel's table for IPv6.
type Dxr6 struct {
	roots []rootRun
	lists dxrLists
}

// rootRun is roots that have one span, from one on to before that of the next run. Roots are counted by address.
type rootRun struct {
	first int
	span  span
}

// PlanDxr6 plans a table of keys that are sorted and distinct.
func PlanDxr6(keys []Key6) *Dxr6 {
	d := &Dxr6{}
	ranges := d.lists.ranges(spanHigh, flatten6(keys), 0)
	for len(ranges) > 0 {
		root, first, last := rootOf(ranges[0].start)
		n := 1
		for n < len(ranges) && ranges[n].start <= last {
			n++
		}
		d.addRoot(root, first, last, ranges[:n])
		ranges = ranges[n:]
	}
	return d
}

// addRoot adds a root that ranges begin in.
func (d *Dxr6) addRoot(root int, first, last uint64, ranges []span6) {
	if ranges[0].start != first {
		before := d.roots[len(d.roots)-1] // covers the beginning of this root too: no list reaches beyond its root
		ranges = append([]span6{{first, before.span}}, ranges...)
	}
	end := ranges[len(ranges)-1].span
	s := end
	if len(ranges) > 1 {
		s = d.lists.place(spanHigh, ranges)
	}
	d.roots = append(d.roots, rootRun{root, s})
	if s != end && last != 1<<64-1 {
		d.roots = append(d.roots, rootRun{root + 1, end})
	}
}

// rootOf returns the root that the addresses with these upper 64 bits belong to, and the lowest and highest of them.
func rootOf(high uint64) (root int, first, last uint64) {
	if high>>61 == 1 {
		first = high >> 40 << 40
		return rootsBelow + int(high>>40&(rootsWithin-1)), first, first | (1<<40 - 1)
	}
	first = high >> 55 << 55
	root = int(high >> 55)
	if root > rootsBelow {
		root += rootsWithin - rootsBelow
	}
	return root, first, first | (1<<55 - 1)
}

// rootWord is where a root lies in a table.
func rootWord(root int) int {
	switch {
	case root < rootsBelow:
		return rootsWithin + root
	case root < rootsBelow+rootsWithin:
		return root - rootsBelow
	}
	return root + rootsBelow
}

// Blocks is how many elements of DxrBlockSize bytes the table has.
func (d *Dxr6) Blocks() int { return dxrRoots + len(d.lists.words)/dxrWords }

// Fill writes the table into memory of Blocks elements, all zero.
func (d *Dxr6) Fill(mem []byte) {
	words := dxrTable(mem)
	for i, r := range d.roots {
		end := rootsBelow + rootsWithin + rootsAbove
		if i+1 < len(d.roots) {
			end = d.roots[i+1].first
		}
		if r.span == 0 {
			continue
		}
		for root := r.first; root < end; root++ {
			words[rootWord(root)] = uint64(r.span)
		}
	}
	copy(words[dxrRoots*dxrWords:], d.lists.words)
}

// dxrTable is memory as words.
func dxrTable(mem []byte) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(mem))), len(mem)/8)
}

// LookupDxr6 looks an address up in a table that Fill wrote, as the kernel does.
func LookupDxr6(mem []byte, addr [16]byte) Answer {
	words := dxrTable(mem)
	high, low := binary.BigEndian.Uint64(addr[:8]), binary.BigEndian.Uint64(addr[8:])
	root, _, _ := rootOf(high)
	s := span(words[rootWord(root)])
	for s.kind() != spanAnswer {
		list := words[int(s.to())*dxrWords:][:dxrWords]
		key := [...]uint64{spanHigh: high, spanMiddle: low >> 32, spanLow: low & (1<<32 - 1)}[s.kind()]
		later := 0
		for _, start := range list[1:dxrRanges] {
			later += int((key - start) >> 63)
		}
		s = span(list[2*dxrRanges-1-later])
	}
	return Answer(s.to())
}
