package prefix

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"quicedge/internal/class"
)

// Key4 is an entry for IPv4 packed into a number: the address, then DirEntry of its length and class. Keys sort as their
// prefixes do, by address, and of one address the shorter first.
type Key4 uint64

// entryBits is the size of a DIR-24-8 entry.
const entryBits = 16

func (k Key4) first() uint32 { return uint32(k >> entryBits) }
func (k Key4) last() uint32  { return k.first() | uint32(1<<(32-k.Bits())-1) }

// Addr returns the prefix's first address.
func (k Key4) Addr() [4]byte {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], k.first())
	return b
}

// Bits returns the prefix's length.
func (k Key4) Bits() int { return int(k&(1<<entryBits-1)>>dirBits) - 1 }

// Class returns the prefix's class.
func (k Key4) Class() class.ID { return class.ID(k & (class.Max - 1)) }

// Key6 is an entry for IPv6: the two halves of the address, and the answer for the addresses of the prefix.
type Key6 struct {
	High, Low uint64
	Answer    Answer
}

// Addr returns the prefix's first address.
func (k Key6) Addr() [16]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.High)
	binary.BigEndian.PutUint64(b[8:], k.Low)
	return b
}

// Bits returns the prefix's length.
func (k Key6) Bits() int { return int(k.Answer>>answerBits) - 1 }

func (k Key6) first() addr6 { return addr6{k.High, k.Low} }

func (k Key6) last() addr6 {
	if n := k.Bits(); n <= 64 {
		return addr6{k.High | (1<<(64-n) - 1), 1<<64 - 1}
	}
	return addr6{k.High, k.Low | (1<<(128-k.Bits()) - 1)}
}

// Sort splits entries by family, and sorts each by address, of one address the shorter prefix first. A class that is not below
// class.Max is an error.
func Sort(entries []Entry) (v4 []Key4, v6 []Key6, err error) {
	n := 0
	for _, e := range entries {
		if e.Class >= class.Max {
			return nil, nil, fmt.Errorf("prefix %s: class %d: they end at %d", e.Prefix, e.Class, class.Max-1)
		}
		if e.Prefix.Addr().Is4() {
			n++
		}
	}
	v4, v6 = make([]Key4, 0, n), make([]Key6, 0, len(entries)-n)
	for _, e := range entries {
		if e.Prefix.Addr().Is4() {
			v4 = append(v4, key4(e.Prefix, e.Class))
		} else {
			v6 = append(v6, key6(e.Prefix, e.Class))
		}
	}
	slices.Sort(v4)
	slices.SortFunc(v6, func(a, b Key6) int {
		return cmp.Or(cmp.Compare(a.High, b.High), cmp.Compare(a.Low, b.Low), cmp.Compare(a.Answer, b.Answer))
	})
	return v4, v6, nil
}

func key4(p netip.Prefix, id class.ID) Key4 {
	b := p.Addr().As4()
	return Key4(binary.BigEndian.Uint32(b[:]))<<entryBits | Key4(dirEntry(p.Bits(), id))
}

func key6(p netip.Prefix, id class.ID) Key6 {
	b := p.Addr().As16()
	return Key6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:]), answer(p.Bits(), id)}
}
