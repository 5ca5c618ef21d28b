package dataplane

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// objects are the programs and maps of one load.
type objects struct {
	bpf.DataplanePrograms
	bpf.DataplaneMaps
}

// loadObjects puts the programs into the kernel, on the maps given, or on fresh ones where maps is nil.
func (c Config) loadObjects(spec *ebpf.CollectionSpec, maps map[string]*ebpf.Map) (*objects, error) {
	spec = spec.Copy()
	for name, value := range map[string]any{
		bpf.DataplaneVarReflectErrors: flag(!c.Silent),
		bpf.DataplaneVarScreen:        flag(!c.NoScreen),
		bpf.DataplaneVarMarkMask:      c.MarkMask,
		bpf.DataplaneVarPriorityMajor: c.PriorityMajor,
		bpf.DataplaneVarTableKind:     c.TableKind.number(),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	var o objects
	err := spec.LoadAndAssign(&o, &ebpf.CollectionOptions{MapReplacements: maps})
	return &o, explain("load programs", err)
}

// flag is a switch as the programs have it.
func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

func (o *objects) close() error {
	return errors.Join(o.DataplanePrograms.Close(), o.DataplaneMaps.Close())
}

// named returns the fields of a struct that bpf2go made, a program or a map each, by the names in the object.
func named[T any](fields any) map[string]**T {
	all := make(map[string]**T)
	v := reflect.ValueOf(fields).Elem()
	for i := range v.NumField() {
		all[v.Type().Field(i).Tag.Get("ebpf")] = v.Field(i).Addr().Interface().(**T)
	}
	return all
}

// programFields names what is pinned under progs.
func programFields(p *bpf.DataplanePrograms) map[string]**ebpf.Program { return named[ebpf.Program](p) }

// mapFields names what is pinned under maps.
func mapFields(m *bpf.DataplaneMaps) map[string]**ebpf.Map { return named[ebpf.Map](m) }

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
	for name, field := range programFields(&o.DataplanePrograms) {
		if err := (*field).Pin(progPin(dir, name)); err != nil {
			return explain("pin program "+name, err)
		}
	}
	return nil
}

// repin puts programs in the place of those pinned before.
func repin(dir string, p *bpf.DataplanePrograms) error {
	for name, field := range programFields(p) {
		fresh := progPin(dir, stagedName(name))
		// A second descriptor: a program refuses to be pinned again under another name.
		again, err := (*field).Clone()
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
	for name, field := range programFields(&p) {
		if *field, err = ebpf.LoadPinnedProgram(progPin(dir, name), nil); err != nil {
			return p, errors.Join(explain("open program "+name, err), p.Close())
		}
	}
	return p, nil
}
