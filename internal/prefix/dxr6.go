package prefix

import (
	"encoding/binary"
	"unsafe"
)

// Sizes in bytes of the arrays of a table for IPv6, whose elements are union dxr_block in bpf/types.h, where their layout is
// described.
const (
	DxrBlockSize  = 8 * dxrWords
	DxrBlocksSize = dxrBlocks * DxrBlockSize // of the first array
)

// Numbers of the layout, with their twins in bpf/types.h.
const (
	dxrWords  = 16 // of an element, each a span or a start
	dxrRanges = 8  // of a list
	dxrBrief  = 16 // of a brief list
	dxrBits   = 20 // of the addresses in 2000::/3 that a root is chosen by
	dxrOthers = 1 << dxrBits / dxrWords
	dxrBlocks = 2 * dxrOthers // elements of the first array
)

// Roots by address: those below 2000::/3, those in it, those above it.
const (
	rootsBelow  = 1 << 6
	rootsWithin = 1 << dxrBits
	rootsAbove  = 6 * rootsBelow
	dxrRoots    = dxrOthers + 8*rootsBelow/dxrWords // elements that hold roots: those by bits 0..8 have room for 2000::/3 too
)

// Kinds of span: which part of an address the list is sorted by.
const (
	spanAnswer = iota
	spanHigh   // bits 0..63
	spanMiddle // bits 64..95
	spanLow    // bits 96..127
	spanBrief  // bits 16..47, of addresses in 2000::/3; all spans are answers
)

// span is struct dxr_span as a number: what it leads to, the kind, the side.
type span uint64

func answerSpan(a uint32) span { return span(a) }

func listSpan(kind, element int, side uint16) span {
	return span(element) | span(kind)<<32 | span(side)<<48
}

func (s span) to() uint32 { return uint32(s) }
func (s span) kind() int  { return int(s >> 32 & 0xffff) }

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

// PlanDxr6 plans a table of keys that are sorted and distinct. Side is the slot that the second array will be in.
func PlanDxr6(keys []Key6, side uint16) *Dxr6 {
	d := &Dxr6{lists: dxrLists{side: side}}
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
		const bits = 61 - dxrBits
		first = high >> bits << bits
		return rootsBelow + int(high>>bits&(rootsWithin-1)), first, first | (1<<bits - 1)
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

// Lists is how many elements the second array has.
func (d *Dxr6) Lists() int { return max(0, dxrRoots+len(d.lists.words)/dxrWords-dxrBlocks) }

// Bytes is the size of both arrays.
func (d *Dxr6) Bytes() int { return DxrBlocksSize + d.Lists()*DxrBlockSize }

// Fill writes the table into memory that is all zero, of DxrBlocksSize bytes and of Lists times DxrBlockSize.
func (d *Dxr6) Fill(blocks, lists []byte) {
	words := view[uint64](blocks)
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
	n := copy(words[dxrRoots*dxrWords:], d.lists.words)
	copy(view[uint64](lists), d.lists.words[n:])
}

// LookupDxr6 looks an address up in a table that Fill wrote, as the kernel does.
func LookupDxr6(blocks, lists []byte, addr [16]byte) Answer {
	words, more := view[uint64](blocks), view[uint64](lists)
	high, low := binary.BigEndian.Uint64(addr[:8]), binary.BigEndian.Uint64(addr[8:])
	root, _, _ := rootOf(high)
	s := span(words[rootWord(root)])
	for s.kind() != spanAnswer {
		in, at := words, int(s.to())
		if at >= dxrBlocks {
			in, at = more, at-dxrBlocks
		}
		list := in[at*dxrWords:][:dxrWords]
		if s.kind() == spanBrief {
			return lookupBrief(list, uint32(high>>16))
		}
		key := [...]uint64{spanHigh: high, spanMiddle: low >> 32, spanLow: low & (1<<32 - 1)}[s.kind()]
		later := 0
		for _, start := range list[1:dxrRanges] {
			later += int((key - start) >> 63)
		}
		s = span(list[2*dxrRanges-1-later])
	}
	return Answer(s.to())
}

func lookupBrief(list []uint64, key uint32) Answer {
	starts := unsafe.Slice((*uint32)(unsafe.Pointer(&list[0])), 2*dxrBrief)
	at := 0
	for at+1 < dxrBrief && starts[at+1] <= key {
		at++
	}
	return Answer(starts[dxrBrief+at])
}
