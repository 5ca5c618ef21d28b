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

// table is what goes into a slot: a map, and of the fast kind, where that has no room for everything, a second one.
type table struct {
	first, second *ebpf.Map
}

func (t table) close() error { return errors.Join(t.first.Close(), t.second.Close()) } // nil is fine

// bytes is the memory of the table as the kernel accounts it.
func (t table) bytes() (sum uint64, err error) {
	for _, m := range []*ebpf.Map{t.first, t.second} {
		if m == nil {
			continue
		}
		info, err := m.Info()
		if err != nil {
			return 0, explain("ask for the size of a prefix table", err)
		}
		size, _ := info.Memlock()
		sum += size
	}
	return sum, nil
}

// makeDir makes the table that prefixes4 and leaves4 take.
func makeDir(first, second *ebpf.MapSpec, t *tables, side int) (table, error) {
	plan, err := prefix.PlanDir24(t.keys4)
	if err != nil {
		return table{}, err
	}
	return makeArrays(first, second, plan.Leaves(), func(roots, leaves []byte) { plan.Fill(roots, leaves, uint32(side)) })
}

// makeDxr makes the table that prefixes6 and lists6 take.
func makeDxr(first, second *ebpf.MapSpec, t *tables, side int) (table, error) {
	plan := prefix.PlanDxr6(t.keys6, uint16(side))
	return makeArrays(first, second, plan.Lists(), plan.Fill)
}

// makeArrays makes two arrays, of the second so many elements, and lets fill write them.
func makeArrays(first, second *ebpf.MapSpec, elements int, fill func(first, second []byte)) (t table, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	var mem [2]array
	if mem[0], err = makeArray(first, int(first.MaxEntries)); err != nil {
		return t, err
	}
	t.first = mem[0].Map
	if mem[1], err = makeArray(second, elements); err != nil {
		return t, errors.Join(err, mem[0].unmap())
	}
	t.second = mem[1].Map
	fill(mem[0].mem, mem[1].mem)
	return t, errors.Join(mem[0].unmap(), mem[1].unmap())
}

// array is an array mapped into memory; nothing where it has no elements.
type array struct {
	*ebpf.Map
	mem []byte
}

func makeArray(spec *ebpf.MapSpec, elements int) (array, error) {
	if elements == 0 {
		return array{}, nil
	}
	spec = spec.Copy()
	spec.MaxEntries = uint32(elements)
	size := elements * int(spec.ValueSize)
	m, err := ebpf.NewMap(spec)
	if err != nil {
		return array{}, explain(fmt.Sprintf("make a prefix table of %d MiB", size>>20), err)
	}
	mem, err := unix.Mmap(m.FD(), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return array{}, errors.Join(explain("map a prefix table into memory", err), m.Close())
	}
	return array{m, mem}, nil
}

func (a array) unmap() error {
	if a.Map == nil {
		return nil
	}
	return explain("unmap a prefix table", unix.Munmap(a.mem))
}

// makeTrie4 makes the table that trie4 takes.
func makeTrie4(spec, _ *ebpf.MapSpec, t *tables, _ int) (table, error) {
	keys := make([]bpf.DataplanePrefixKey4, len(t.keys4))
	values := make([]bpf.DataplanePrefixValue, len(keys))
	for i, k := range t.keys4 {
		keys[i] = bpf.DataplanePrefixKey4{Bits: uint32(k.Bits()), Addr: k.Addr()}
		values[i] = bpf.DataplanePrefixValue{Class: uint16(k.Class()), Bits: uint8(k.Bits())}
	}
	return makeTrie(spec, keys, values)
}

// makeTrie6 makes the table that trie6 takes.
func makeTrie6(spec, _ *ebpf.MapSpec, t *tables, _ int) (table, error) {
	keys := make([]bpf.DataplanePrefixKey6, len(t.keys6))
	values := make([]bpf.DataplanePrefixValue, len(keys))
	for i, k := range t.keys6 {
		keys[i] = bpf.DataplanePrefixKey6{Bits: uint32(k.Bits()), Addr: k.Addr()}
		values[i] = bpf.DataplanePrefixValue{Class: uint16(k.Answer.Class()), Bits: uint8(k.Bits())}
	}
	return makeTrie(spec, keys, values)
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
