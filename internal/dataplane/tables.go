package dataplane

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/prefix"
)

// maxPrefixes is the most that one table takes; its twin is MAX_PREFIXES in bpf/types.h.
const maxPrefixes = 1 << 20

// tables are the entries of a snapshot, sorted, so that their order changes no digest.
type tables struct {
	keys4   []prefix.Key4
	keys6   []prefix.Key6
	digest4 [sha256.Size]byte
	digest6 [sha256.Size]byte
}

func newTables(entries []prefix.Entry) (*tables, error) {
	var t tables
	var err error
	if t.keys4, t.keys6, err = prefix.Sort(entries); err != nil {
		return nil, err
	}
	if n := max(len(t.keys4), len(t.keys6)); n > maxPrefixes {
		return nil, fmt.Errorf("%d prefixes of one family: at most %d fit: aggregate neighbours of one class", n, maxPrefixes)
	}
	t.digest4 = digest(t.keys4, func(b []byte, k prefix.Key4) []byte { return binary.LittleEndian.AppendUint64(b, uint64(k)) })
	t.digest6 = digest(t.keys6, func(b []byte, k prefix.Key6) []byte {
		addr := k.Addr()
		return binary.LittleEndian.AppendUint32(append(b, addr[:]...), uint32(k.Answer))
	})
	return &t, nil
}

// digest is that of keys as put appends them to bytes.
func digest[K any](keys []K, put func([]byte, K) []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	b := make([]byte, 0, 1<<14)
	for chunk := range slices.Chunk(keys, 512) {
		b = b[:0]
		for _, k := range chunk {
			b = put(b, k)
		}
		h.Write(b)
	}
	h.Sum(sum[:0])
	return sum
}

// makeDir makes the table that prefixes4 takes.
func makeDir(spec *ebpf.MapSpec, t *tables) (*ebpf.Map, error) {
	plan, err := prefix.PlanDir24(t.keys4)
	if err != nil {
		return nil, err
	}
	return makeArray(spec, plan.Slots(), plan.Fill)
}

// makeDxr makes the table that prefixes6 takes.
func makeDxr(spec *ebpf.MapSpec, t *tables) (*ebpf.Map, error) {
	plan := prefix.PlanDxr6(t.keys6)
	return makeArray(spec, plan.Blocks(), plan.Fill)
}

// makeArray makes an array of so many elements, and lets fill write them.
func makeArray(spec *ebpf.MapSpec, elements int, fill func(mem []byte)) (*ebpf.Map, error) {
	spec = spec.Copy()
	spec.MaxEntries = uint32(elements)
	m, err := ebpf.NewMap(spec)
	if err != nil {
		return nil, explain(fmt.Sprintf("make a prefix table of %d MiB", elements*int(spec.ValueSize)>>20), err)
	}
	mem, err := unix.Mmap(m.FD(), 0, elements*int(spec.ValueSize), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(explain("map a prefix table into memory", err), m.Close())
	}
	fill(mem)
	if err := unix.Munmap(mem); err != nil {
		return nil, errors.Join(explain("unmap a prefix table", err), m.Close())
	}
	return m, nil
}

// makeTrie4 makes the table that trie4 takes.
func makeTrie4(spec *ebpf.MapSpec, t *tables) (*ebpf.Map, error) {
	keys := make([]bpf.DataplanePrefixKey4, len(t.keys4))
	values := make([]bpf.DataplanePrefixValue, len(keys))
	for i, k := range t.keys4 {
		keys[i] = bpf.DataplanePrefixKey4{Bits: uint32(k.Bits()), Addr: k.Addr()}
		values[i] = bpf.DataplanePrefixValue{Class: uint16(k.Class()), Bits: uint8(k.Bits())}
	}
	return makeTrie(spec, keys, values)
}

// makeTrie6 makes the table that trie6 takes.
func makeTrie6(spec *ebpf.MapSpec, t *tables) (*ebpf.Map, error) {
	keys := make([]bpf.DataplanePrefixKey6, len(t.keys6))
	values := make([]bpf.DataplanePrefixValue, len(keys))
	for i, k := range t.keys6 {
		keys[i] = bpf.DataplanePrefixKey6{Bits: uint32(k.Bits()), Addr: k.Addr()}
		values[i] = bpf.DataplanePrefixValue{Class: uint16(k.Answer.Class()), Bits: uint8(k.Bits())}
	}
	return makeTrie(spec, keys, values)
}

// makeTrie makes a trie with room for just its entries.
func makeTrie[K any](spec *ebpf.MapSpec, keys []K, values []bpf.DataplanePrefixValue) (*ebpf.Map, error) {
	spec = spec.Copy()
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
