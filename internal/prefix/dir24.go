package prefix

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"quicedge/internal/class"
)

// Sizes in bytes of the two arrays of a table for IPv4, struct dir_root and struct dir_leaf in bpf/types.h, where their layout
// is described.
const (
	DirRootsSize = dirRoots * int(unsafe.Sizeof(dirRoot{}))
	DirLeafSize  = int(unsafe.Sizeof(dirLeaf{})) // of one leaf
)

// MaxLeaves bounds the parts of a table for prefixes longer than 24 bits: 128 MiB of them.
const MaxLeaves = 1 << 18

// Numbers of the layout, with their twins in bpf/types.h.
const (
	dirRoots   = 1 << 16
	dirBits    = 10
	dirHasLeaf = 0x8000
)

type dirRoot struct {
	entries [256]uint16
	leaves  uint32
	side    uint32
}

type dirLeaf struct{ entries [256]uint16 }

func dirEntry(bits int, id class.ID) uint16 { return uint16(bits+1)<<dirBits | uint16(id) }

// Dir24 is the plan of a DIR-24-8 table, the kernel's table for IPv4: everything but the table itself.
type Dir24 struct {
	runs   []run[uint32]
	leaves int
}

// PlanDir24 plans a table of keys that are sorted and distinct. More than MaxLeaves parts of 256 addresses that prefixes
// longer than 24 bits lie in are an error.
func PlanDir24(keys []Key4) (*Dir24, error) {
	d := &Dir24{runs: flatten4(keys)}
	split := int64(-1)
	for _, r := range d.runs {
		if at := int64(r.start >> 8); r.start&255 != 0 && at != split {
			split = at
			d.leaves++
		}
	}
	if d.leaves > MaxLeaves {
		return nil, fmt.Errorf("prefixes longer than 24 bits lie in %d networks of 24 bits: at most %d fit: aggregate them, or give --table-kind trie", d.leaves, MaxLeaves)
	}
	return d, nil
}

// Leaves is how many leaves the table has.
func (d *Dir24) Leaves() int { return d.leaves }

// Bytes is the size of both arrays.
func (d *Dir24) Bytes() int { return DirRootsSize + d.leaves*DirLeafSize }

// Fill writes the table into memory that is all zero, of DirRootsSize bytes and of Leaves times DirLeafSize. Side is the slot
// that the leaves will be in.
func (d *Dir24) Fill(roots, leaves []byte, side uint32) {
	f := dirFill{roots: view[dirRoot](roots), leaves: view[dirLeaf](leaves), side: side, leaf: -1, split: -1}
	for i, r := range d.runs {
		last := uint32(1<<32 - 1)
		if i+1 < len(d.runs) {
			last = d.runs[i+1].start - 1
		}
		f.fill(r.start, last, uint16(r.answer))
	}
}

// view is memory as elements.
func view[T any](mem []byte) []T {
	var one T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(mem))), len(mem)/int(unsafe.Sizeof(one)))
}

// dirFill is a table under way, from the lowest address to the highest.
type dirFill struct {
	roots  []dirRoot
	leaves []dirLeaf
	side   uint32
	leaf   int   // the last leaf that is taken
	split  int64 // whose it is: the upper 24 bits of an address; -1: none is
}

// fill gives an entry to the addresses from first to last.
func (f *dirFill) fill(first, last uint32, entry uint16) {
	from, to := first>>8, last>>8
	if from == to && last-first != 255 {
		f.fillLeaf(from, first&255, last&255, entry)
		return
	}
	if first&255 != 0 {
		f.fillLeaf(from, first&255, 255, entry)
		from++
	}
	if last&255 != 255 {
		f.fillLeaf(to, 0, last&255, entry)
		to-- // it was above 0, since from is below it
	}
	if entry == 0 {
		return
	}
	for from <= to {
		end := min(to, from|255)
		entries := f.roots[from>>8].entries[from&255 : end&255+1]
		for i := range entries {
			entries[i] = entry
		}
		from = end + 1
	}
}

// fillLeaf gives an entry to the addresses first to last of the 256 whose upper 24 bits are split.
func (f *dirFill) fillLeaf(split, first, last uint32, entry uint16) {
	root := &f.roots[split>>8]
	if f.split != int64(split) {
		f.leaf++
		if f.split>>8 != int64(split>>8) {
			root.leaves, root.side = uint32(f.leaf), f.side
		}
		f.split = int64(split)
		root.entries[split&255] = dirHasLeaf | uint16(uint32(f.leaf)-root.leaves)
	}
	entries := f.leaves[f.leaf].entries[first : last+1]
	for i := range entries {
		entries[i] = entry
	}
}

// LookupDir24 looks an address up in a table that Fill wrote, as the kernel does.
func LookupDir24(roots, leaves []byte, addr [4]byte) Answer {
	root := &view[dirRoot](roots)[binary.BigEndian.Uint16(addr[:])]
	entry := root.entries[addr[2]]
	if entry&dirHasLeaf != 0 {
		entry = view[dirLeaf](leaves)[root.leaves+uint32(entry&0xff)].entries[addr[3]]
	}
	return Answer(entry&(class.Max-1)) | Answer(entry>>dirBits)<<answerBits
}
