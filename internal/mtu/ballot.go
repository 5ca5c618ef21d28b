package mtu

import (
	"math"
	"slices"
)

// ballot is the votes of a class's networks.
type ballot struct {
	most    []uint16 // where each path ends, unbounded where that is not known, ascending
	least   []uint16 // what passes each path, 0 where that is not known, ascending
	samples int
}

const unbounded = math.MaxUint16

// count takes the votes of all networks in a span.
func count(nets []network, w span) ballot {
	var b ballot
	for i := range nets {
		v, ok := nets[i].vote(w)
		if !ok {
			continue
		}
		if v.most == 0 {
			v.most = unbounded
		}
		b.most, b.least = append(b.most, v.most), append(b.least, v.least)
		b.samples += v.samples
	}
	slices.Sort(b.most)
	slices.Sort(b.least)
	return b
}

func (b ballot) networks() int { return len(b.most) }

// narrow returns the size that k networks pass no more than, unbounded where fewer than k have shown an end.
func (b ballot) narrow(k int) uint16 {
	if k > len(b.most) {
		return unbounded
	}
	return b.most[k-1]
}

// passed returns the size that k networks have shown to pass, 0 where there are not so many.
func (b ballot) passed(k int) uint16 {
	if k > len(b.least) {
		return 0
	}
	return b.least[len(b.least)-k]
}

// atMost returns how many networks pass no more than a size.
func (b ballot) atMost(size uint16) int {
	n, _ := slices.BinarySearch(b.most, size+1)
	return n
}

// above returns how many networks have shown to pass more than a size.
func (b ballot) above(size uint16) int {
	n, _ := slices.BinarySearch(b.least, size+1)
	return len(b.least) - n
}
