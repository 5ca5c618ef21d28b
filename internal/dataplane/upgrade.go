package dataplane

import (
	"context"
	"errors"
	"slices"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// upgrade replaces the programs on the maps that are pinned. The lock of the pin folder is held.
func (l *loader) upgrade(ctx context.Context) (_ *Plane, err error) {
	if err := checkOwned(l.PinDir); err != nil {
		return nil, err
	}
	hold, err := l.takeHold()
	if err != nil {
		return nil, err
	}
	defer func() {
		switch {
		case err != nil && l.Held != nil:
			hold.forget() // the process before goes on
		case err != nil || !l.Hold:
			hold.release()
		}
	}()
	if err := l.sweep(l.PinDir); err != nil {
		return nil, err
	}
	maps, err := openMaps(l.PinDir, l.spec)
	if err != nil {
		return nil, err
	}
	defer closeMaps(&maps)
	if err := l.sweepLinks(l.PinDir); err != nil {
		return nil, err
	}
	o, err := l.loadObjects(l.spec, replacements(&maps))
	if err != nil {
		return nil, err
	}
	defer o.programs.close()
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

// replace first makes everything ready, then changes what is attached, then the tables; what fails on the way is undone.
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
	defer old.close()

	defer func() { err = errors.Join(err, closeAttached(l.attached)) }()
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
	if err := l.relink(&o.programs, &old, &undo); err != nil {
		return err
	}
	undo = append(undo, func() error { return repin(l.PinDir, &old) })
	if err := repin(l.PinDir, &o.programs); err != nil {
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
	if err := setPorts(p.maps.Ports, l.Ports); err != nil {
		return err
	}
	l.step("set the ports")
	l.retire()
	if err := p.forsake(c); err != nil {
		l.Log.Warn("the tables of the kind before still take memory: run quicedge load again", "error", err)
	}
	return nil
}

// retire takes down what others have taken the place of. Only now: until the load was complete it could have been needed
// again. What cannot be taken down now is swept up by the next load.
func (l *loader) retire() {
	for _, dir := range l.replaced {
		if err := l.takeDownLinks(dir); err != nil {
			l.Log.Warn("what was attached before is still attached, and counts packets twice: run quicedge load again", "error", err)
		}
		l.step("detached what was replaced")
	}
}
