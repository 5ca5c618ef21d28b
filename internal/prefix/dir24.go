package prefix

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"quicedge/internal/class"
)

// DirSlotSize is the size in bytes of an element of a table for IPv4, struct dir_slot in bpf/types.h, where its layout is
// described.
const DirSlotSize = int(unsafe.Sizeof(dirSlot{}))

// MaxLeaves bounds the parts of a table for prefixes longer than 24 bits: 130 MiB of them.
const MaxLeaves = 1 << 18

// Numbers of the layout, with their twins in bpf/types.h.
const (
	dirRoots = 1 << 16
	dirBits  = 10
	dirLeaf  = 0x8000
)

type dirSlot struct {
	entries  [256]uint16
	leaves   uint32
	reserved uint32
}

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

// Slots is how many elements of DirSlotSize bytes the table has.
func (d *Dir24) Slots() int { return dirRoots + d.leaves }

// Fill writes the table into memory of Slots elements, all zero.
func (d *Dir24) Fill(mem []byte) {
	f := dirFill{slots: dirSlots(mem), leaf: dirRoots - 1, split: -1}
	for i, r := range d.runs {
		last := uint32(1<<32 - 1)
		if i+1 < len(d.runs) {
			last = d.runs[i+1].start - 1
		}
		f.fill(r.start, last, uint16(r.answer))
	}
}

// dirSlots is memory as elements.
func dirSlots(mem []byte) []dirSlot {
	return unsafe.Slice((*dirSlot)(unsafe.Pointer(unsafe.SliceData(mem))), len(mem)/DirSlotSize)
}

// dirFill is a table under way, from the lowest address to the highest.
type dirFill struct {
	slots []dirSlot
	leaf  int   // the last leaf that is taken
	split int64 // whose it is: the upper 24 bits of an address; -1: none is
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
		entries := f.slots[from>>8].entries[from&255 : end&255+1]
		for i := range entries {
			entries[i] = entry
		}
		from = end + 1
	}
}

// fillLeaf gives an entry to the addresses first to last of the 256 whose upper 24 bits are split.
func (f *dirFill) fillLeaf(split, first, last uint32, entry uint16) {
	root := &f.slots[split>>8]
	if f.split != int64(split) {
		f.leaf++
		if f.split>>8 != int64(split>>8) {
			root.leaves = uint32(f.leaf)
		}
		f.split = int64(split)
		root.entries[split&255] = dirLeaf | uint16(uint32(f.leaf)-root.leaves)
	}
	entries := f.slots[f.leaf].entries[first : last+1]
	for i := range entries {
		entries[i] = entry
	}
}

// LookupDir24 looks an address up in a table that Fill wrote, as the kernel does.
func LookupDir24(mem []byte, addr [4]byte) Answer {
	slots := dirSlots(mem)
	s := &slots[binary.BigEndian.Uint16(addr[:])]
	entry := s.entries[addr[2]]
	if entry&dirLeaf != 0 {
		entry = slots[s.leaves+uint32(entry&0xff)].entries[addr[3]]
	}
	return Answer(entry&(class.Max-1)) | Answer(entry>>dirBits)<<answerBits
}
