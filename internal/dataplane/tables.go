package dataplane

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
	"quicedge/internal/prefix"
)

// maxPrefixes is the most that one table takes; its twin is MAX_PREFIXES in bpf/types.h.
const maxPrefixes = 1 << 20

// tables are the entries of a snapshot as the kernel takes them.
type tables struct {
	keys4   []bpf.DataplanePrefixKey4
	values4 []bpf.DataplanePrefixValue
	keys6   []bpf.DataplanePrefixKey6
	values6 []bpf.DataplanePrefixValue
	digest4 [sha256.Size]byte
	digest6 [sha256.Size]byte
}

func newTables(entries []prefix.Entry) (*tables, error) {
	var t tables
	sum4, sum6 := sha256.New(), sha256.New()
	for _, e := range entries {
		addr, bits := e.Prefix.Addr(), e.Prefix.Bits()
		value := bpf.DataplanePrefixValue{Class: uint16(e.Class), Bits: uint8(bits)}
		if addr.Is4() {
			t.keys4 = append(t.keys4, bpf.DataplanePrefixKey4{Bits: uint32(bits), Addr: addr.As4()})
			t.values4 = append(t.values4, value)
			sumEntry(sum4, addr.AsSlice(), value)
			continue
		}
		t.keys6 = append(t.keys6, bpf.DataplanePrefixKey6{Bits: uint32(bits), Addr: addr.As16()})
		t.values6 = append(t.values6, value)
		sumEntry(sum6, addr.AsSlice(), value)
	}
	sum4.Sum(t.digest4[:0])
	sum6.Sum(t.digest6[:0])
	if n := max(len(t.keys4), len(t.keys6)); n > maxPrefixes {
		return nil, fmt.Errorf("%d prefixes of one family: at most %d fit: aggregate neighbours of one class", n, maxPrefixes)
	}
	return &t, nil
}

func sumEntry(h hash.Hash, addr []byte, v bpf.DataplanePrefixValue) {
	var b [20]byte
	n := copy(b[:], addr)
	b[n] = v.Bits
	binary.LittleEndian.PutUint16(b[n+1:], v.Class)
	h.Write(b[:n+3])
}

// fill makes a trie of the kind that a slot takes, with room for just its entries.
func fill[K any](outer *ebpf.MapSpec, keys []K, values []bpf.DataplanePrefixValue) (*ebpf.Map, error) {
	spec := outer.InnerMap.Copy()
	spec.MaxEntries = uint32(max(1, len(keys)))
	m, err := ebpf.NewMap(spec)
	if err != nil {
		return nil, explain("make a prefix table", err)
	}
	if len(keys) == 0 {
		return m, nil
	}
	if _, err := m.BatchUpdate(keys, values, nil); err != nil {
		return nil, errors.Join(explain(fmt.Sprintf("fill a table with %d prefixes", len(keys)), err), m.Close())
	}
	return m, nil
}
