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
	programs
	bpf.DataplaneMaps
}

// loadObjects puts the programs into the kernel, on the maps given, or on fresh ones where maps is nil.
func (c Config) loadObjects(spec *ebpf.CollectionSpec, maps map[string]*ebpf.Map) (*objects, error) {
	spec = spec.Copy()
	if err := c.setConstants(spec); err != nil {
		return nil, err
	}
	var loaded struct {
		bpf.DataplanePrograms
		bpf.DataplaneMaps
	}
	if err := spec.LoadAndAssign(&loaded, &ebpf.CollectionOptions{MapReplacements: maps}); err != nil {
		return nil, explain("load programs", err)
	}
	o := &objects{programs{DataplanePrograms: loaded.DataplanePrograms}, loaded.DataplaneMaps}
	var err error
	if o.layer3, err = loadLayer3(spec, &o.DataplaneMaps); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// setConstants gives the programs what is fixed when they are loaded.
func (c Config) setConstants(spec *ebpf.CollectionSpec) error {
	for name, value := range map[string]any{
		bpf.DataplaneVarReflectErrors: flag(!c.Silent),
		bpf.DataplaneVarScreen:        flag(!c.NoScreen),
		bpf.DataplaneVarMarkMask:      c.MarkMask,
		bpf.DataplaneVarPriorityMajor: c.PriorityMajor,
		bpf.DataplaneVarTableKind:     c.TableKind.number(),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// flag is a switch as the programs have it.
func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

func (o *objects) close() error {
	return errors.Join(o.programs.close(), o.DataplaneMaps.Close())
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
	for name, field := range programFields(&o.programs) {
		if err := (*field).Pin(progPin(dir, name)); err != nil {
			return explain("pin program "+name, err)
		}
	}
	return nil
}

// repin puts programs in the place of those pinned before.
func repin(dir string, p *programs) error {
	for name, field := range programFields(p) {
		fresh := progPin(dir, stagedName(name))
		if err := pinCopy(*field, fresh); err != nil {
			return err
		}
		if err := os.Rename(fresh, progPin(dir, name)); err != nil {
			return errors.Join(explain("replace program "+name, err), os.Remove(fresh))
		}
	}
	return nil
}
