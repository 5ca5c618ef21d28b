package dataplane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/internal/prefix"
)

// planDir plans the table that prefixes4 and leaves4 take.
func planDir(first, second *ebpf.MapSpec, t *tables, side int) (builder, error) {
	plan, err := prefix.PlanDir24(t.keys4)
	if err != nil {
		return nil, err
	}
	return func() (table, error) {
		return makeArrays(first, second, plan.Leaves(), func(roots, leaves []byte) { plan.Fill(roots, leaves, uint32(side)) })
	}, nil
}

// planDxr plans the table that prefixes6 and lists6 take.
func planDxr(first, second *ebpf.MapSpec, t *tables, side int) (builder, error) {
	plan := prefix.PlanDxr6(t.keys6, uint16(side))
	return func() (table, error) { return makeArrays(first, second, plan.Lists(), plan.Fill) }, nil
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
