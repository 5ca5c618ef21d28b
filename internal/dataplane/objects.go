package dataplane

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// objects are the programs and maps of one load.
type objects struct {
	bpf.DataplanePrograms
	bpf.DataplaneMaps
}

// loadObjects puts the programs into the kernel, on the maps given, or on fresh ones where maps is nil.
func loadObjects(spec *ebpf.CollectionSpec, maps map[string]*ebpf.Map, silent bool) (*objects, error) {
	spec = spec.Copy()
	if silent {
		if err := spec.Variables[bpf.DataplaneVarReflectErrors].Set(uint8(0)); err != nil {
			return nil, fmt.Errorf("set %s: %w", bpf.DataplaneVarReflectErrors, err)
		}
	}
	var o objects
	err := spec.LoadAndAssign(&o, &ebpf.CollectionOptions{MapReplacements: maps})
	return &o, explain("load programs", err)
}

func (o *objects) close() error {
	return errors.Join(o.DataplanePrograms.Close(), o.DataplaneMaps.Close())
}

// programs names what is pinned under progs.
func programs(p *bpf.DataplanePrograms) map[string]*ebpf.Program {
	return map[string]*ebpf.Program{
		bpf.DataplaneProgQeIngress: p.QeIngress,
		bpf.DataplaneProgQeEgress:  p.QeEgress,
		bpf.DataplaneProgQeLookup:  p.QeLookup,
	}
}

// mapFields names what is pinned under maps.
func mapFields(m *bpf.DataplaneMaps) map[string]**ebpf.Map {
	return map[string]**ebpf.Map{
		bpf.DataplaneMapPrefixes4:  &m.Prefixes4,
		bpf.DataplaneMapPrefixes6:  &m.Prefixes6,
		bpf.DataplaneMapProfiles:   &m.Profiles,
		bpf.DataplaneMapPorts:      &m.Ports,
		bpf.DataplaneMapStats:      &m.Stats,
		bpf.DataplaneMapGeneration: &m.Generation,
	}
}

// openMaps opens the pinned maps, which must be of the layout that this program knows.
func openMaps(dir string, spec *ebpf.CollectionSpec) (m bpf.DataplaneMaps, err error) {
	for name, field := range mapFields(&m) {
		if *field, err = openMap(mapPin(dir, name), spec.Maps[name]); err != nil {
			return bpf.DataplaneMaps{}, errors.Join(err, closeMaps(&m))
		}
	}
	return m, nil
}

func openMap(pin string, spec *ebpf.MapSpec) (*ebpf.Map, error) {
	m, err := ebpf.LoadPinnedMap(pin, nil)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w: run quicedge unload, then quicedge load", pin, ErrIncompatible)
	}
	if err != nil {
		return nil, explain("open "+pin, err)
	}
	if err := spec.Compatible(m); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w (%w): run quicedge unload, then quicedge load", pin, ErrIncompatible, err), m.Close())
	}
	return m, nil
}

func closeMaps(m *bpf.DataplaneMaps) (err error) {
	for _, field := range mapFields(m) {
		err = errors.Join(err, (*field).Close()) // nil is fine
	}
	return err
}

// pin pins maps and programs of a first load.
func (o *objects) pin(dir string) error {
	for _, sub := range []string{mapsDir, progsDir, linksDir} {
		if err := os.Mkdir(dir+"/"+sub, 0o700); err != nil {
			return err
		}
	}
	for name, field := range mapFields(&o.DataplaneMaps) {
		if err := (*field).Pin(mapPin(dir, name)); err != nil {
			return explain("pin map "+name, err)
		}
	}
	for name, p := range programs(&o.DataplanePrograms) {
		if err := p.Pin(progPin(dir, name)); err != nil {
			return explain("pin program "+name, err)
		}
	}
	return nil
}

// repin puts programs in the place of those pinned before.
func repin(dir string, p *bpf.DataplanePrograms) error {
	for name, program := range programs(p) {
		fresh := progPin(dir, stagedName(name))
		// A second descriptor: a program refuses to be pinned again under another name.
		again, err := program.Clone()
		if err != nil {
			return explain("pin program "+name, err)
		}
		err = again.Pin(fresh)
		again.Close()
		if err != nil {
			return explain("pin program "+name, err)
		}
		if err := os.Rename(fresh, progPin(dir, name)); err != nil {
			return errors.Join(explain("replace program "+name, err), os.Remove(fresh))
		}
	}
	return nil
}

// openPrograms opens the pinned programs.
func openPrograms(dir string) (p bpf.DataplanePrograms, err error) {
	for name, field := range map[string]**ebpf.Program{
		bpf.DataplaneProgQeIngress: &p.QeIngress,
		bpf.DataplaneProgQeEgress:  &p.QeEgress,
		bpf.DataplaneProgQeLookup:  &p.QeLookup,
	} {
		if *field, err = ebpf.LoadPinnedProgram(progPin(dir, name), nil); err != nil {
			return p, errors.Join(explain("open program "+name, err), p.Close())
		}
	}
	return p, nil
}
