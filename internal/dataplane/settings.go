package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// Settings are what the programs were loaded with.
type Settings struct {
	Silent, NoScreen bool
	MarkMask         uint32
	PriorityMajor    uint16
}

// Settings reads them from the attached programs' constants. It needs CAP_SYS_ADMIN, since a map that is not pinned is opened
// by its number: ErrNotPermitted without.
func (p *Plane) Settings() (s Settings, err error) {
	prog, err := ebpf.LoadPinnedProgram(progPin(p.dir, bpf.DataplaneProgQeEgress), nil)
	if err != nil {
		return s, explain("open program "+bpf.DataplaneProgQeEgress, err)
	}
	defer prog.Close()
	data, err := constants(prog)
	if err != nil {
		return s, explain("read the constants of "+bpf.DataplaneProgQeEgress, err)
	}
	read := func(name string) (n uint32) {
		v := p.spec.Variables[name]
		if v == nil || int(v.Offset)+len(v.Value) > len(data) {
			err = errors.Join(err, fmt.Errorf("read the constant %s: %w", name, ErrIncompatible))
			return 0
		}
		var word [4]byte
		copy(word[:], data[v.Offset:][:len(v.Value)])
		return binary.LittleEndian.Uint32(word[:])
	}
	s.Silent = read(bpf.DataplaneVarReflectErrors) == 0
	s.NoScreen = read(bpf.DataplaneVarScreen) == 0
	s.MarkMask = read(bpf.DataplaneVarMarkMask)
	s.PriorityMajor = uint16(read(bpf.DataplaneVarPriorityMajor))
	return s, err
}

// constants returns what a program's map .rodata holds.
func constants(prog *ebpf.Program) ([]byte, error) {
	info, err := prog.Info()
	if err != nil {
		return nil, err
	}
	ids, _ := info.MapIDs()
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return nil, err
		}
		data, err := rodata(m)
		if err := errors.Join(err, m.Close()); err != nil || data != nil {
			return data, err
		}
	}
	return nil, fmt.Errorf("it has none: %w", ErrIncompatible)
}

// rodata returns nil for another map.
func rodata(m *ebpf.Map) ([]byte, error) {
	info, err := m.Info()
	if err != nil || !strings.HasSuffix(info.Name, ".rodata") {
		return nil, err
	}
	return m.LookupBytes(uint32(0))
}
