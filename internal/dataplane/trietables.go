package dataplane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// planTrie4 plans the table that trie4 takes.
func planTrie4(spec, _ *ebpf.MapSpec, t *tables, _ int) (builder, error) {
	keys := make([]bpf.DataplanePrefixKey4, len(t.keys4))
	values := make([]bpf.DataplanePrefixValue, len(keys))
	for i, k := range t.keys4 {
		keys[i] = bpf.DataplanePrefixKey4{Bits: uint32(k.Bits()), Addr: k.Addr()}
		values[i] = bpf.DataplanePrefixValue{Class: uint16(k.Class()), Bits: uint8(k.Bits())}
	}
	return func() (table, error) { return makeTrie(spec, keys, values) }, nil
}

// planTrie6 plans the table that trie6 takes.
func planTrie6(spec, _ *ebpf.MapSpec, t *tables, _ int) (builder, error) {
	keys := make([]bpf.DataplanePrefixKey6, len(t.keys6))
	values := make([]bpf.DataplanePrefixValue, len(keys))
	for i, k := range t.keys6 {
		keys[i] = bpf.DataplanePrefixKey6{Bits: uint32(k.Bits()), Addr: k.Addr()}
		values[i] = bpf.DataplanePrefixValue{Class: uint16(k.Answer.Class()), Bits: uint8(k.Bits())}
	}
	return func() (table, error) { return makeTrie(spec, keys, values) }, nil
}

// makeTrie makes a trie with room for just its entries.
func makeTrie[K any](spec *ebpf.MapSpec, keys []K, values []bpf.DataplanePrefixValue) (table, error) {
	spec = spec.Copy()
	spec.MaxEntries = uint32(max(1, len(keys)))
	m, err := ebpf.NewMap(spec)
	if err != nil {
		return table{}, explain("make a prefix table", err)
	}
	if len(keys) == 0 {
		return table{first: m}, nil
	}
	if _, err := m.BatchUpdate(keys, values, nil); err != nil {
		return table{}, errors.Join(explain(fmt.Sprintf("fill a table with %d prefixes", len(keys)), err), m.Close())
	}
	return table{first: m}, nil
}
