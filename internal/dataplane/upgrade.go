package dataplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// upgrade replaces the programs on the maps that are pinned. The lock of the pin folder is held.
func (l *loader) upgrade(ctx context.Context) (_ *Plane, err error) {
	if err := checkOwned(l.PinDir); err != nil {
		return nil, err
	}
	hold, err := takeHold(l.PinDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil || !l.Hold {
			hold.release()
		}
	}()
	if err := sweep(l.PinDir); err != nil {
		return nil, err
	}
	maps, err := openMaps(l.PinDir, l.spec)
	if err != nil {
		return nil, err
	}
	defer closeMaps(&maps)
	if err := sweepLinks(l.PinDir); err != nil {
		return nil, err
	}
	o, err := l.loadObjects(l.spec, replacements(&maps))
	if err != nil {
		return nil, err
	}
	defer o.DataplanePrograms.Close()
	p, err := l.plane(o)
	if err != nil {
		return nil, err
	}
	if err := l.replace(ctx, p, o); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if l.Hold {
		p.hold = hold
	}
	return p, nil
}

func replacements(maps *bpf.DataplaneMaps) map[string]*ebpf.Map {
	all := make(map[string]*ebpf.Map)
	for name, field := range mapFields(maps) {
		all[name] = *field
	}
	return all
}

// rollback is what undoes a change that has got some way, last step first.
type rollback []func() error

func (r rollback) run() (err error) {
	for _, undo := range slices.Backward(r) {
		err = errors.Join(err, undo())
	}
	return err
}

// replace first makes everything ready, then changes the links, then the tables; what fails on the way is undone.
func (l *loader) replace(ctx context.Context, p *Plane, o *objects) (err error) {
	c, err := p.prepare(l.snap, l.TableKind)
	if err != nil {
		return err
	}
	defer c.close()
	l.step("prepared the tables")
	if err := context.Cause(ctx); err != nil {
		return err
	}
	old, err := openPrograms(l.PinDir)
	if err != nil {
		return err
	}
	defer old.Close()
	links, err := openLinks(l.PinDir)
	if err != nil {
		return explain("list links", err)
	}
	defer closeLinks(links)

	var undo rollback
	defer func() {
		if err != nil {
			err = errors.Join(err, undo.run())
		}
	}()
	if len(c.stale) > 0 { // the new programs look elsewhere for their tables
		undo = append(undo, func() error { return p.takeBack(c) })
		if err := p.place(c); err != nil {
			return err
		}
	}
	if err := l.relink(links, &o.DataplanePrograms, &old, &undo); err != nil {
		return err
	}
	undo = append(undo, func() error { return repin(l.PinDir, &old) })
	if err := repin(l.PinDir, &o.DataplanePrograms); err != nil {
		return err
	}
	l.step("pinned the programs")
	if len(c.stale) == 0 {
		if err := p.place(c); err != nil {
			return err
		}
	}
	if _, err := p.settle(c); err != nil {
		return err
	}
	l.step("filled the tables")
	err = setPorts(p.maps.Ports, l.Ports)
	l.step("set the ports")
	return err
}

// relink makes every link run the new programs, and adds those of the device where it has none.
func (l *loader) relink(links []linked, programs, old *bpf.DataplanePrograms, undo *rollback) error {
	present, err := inForce(links, l.dev)
	if err != nil {
		return err
	}
	if !present {
		links = slices.DeleteFunc(slices.Clone(links), func(at linked) bool { return at.Interface == l.dev.name })
		if err := l.reattach(programs, undo); err != nil {
			return err
		}
	}
	for _, at := range links {
		if at.Index == 0 {
			continue
		}
		if err := at.link.Update(at.hook.program(programs)); err != nil && !gone(err) {
			return explain(fmt.Sprintf("replace the program at %s of %s", at.Hook, at.Interface), err)
		}
		*undo = append(*undo, func() error { return at.link.Update(at.hook.program(old)) })
		l.step("replaced a program")
	}
	return nil
}

// reattach attaches to a device that has no links, or only dead ones of a device of its name that is gone.
func (l *loader) reattach(programs *bpf.DataplanePrograms, undo *rollback) error {
	dir := linkPins(l.PinDir, l.dev.name)
	if _, err := os.Stat(dir); err == nil {
		if err := takeDownLinks(dir); err != nil {
			return err
		}
		l.step("removed dead links")
	}
	if err := attach(l.PinDir, l.dev, programs, l.step); err != nil {
		return err
	}
	*undo = append(*undo, func() error { return takeDownLinks(dir) })
	l.step("attached")
	return nil
}
