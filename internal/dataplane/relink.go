package dataplane

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
)

// relink makes every device run the new programs: in place where they are attached the way that is wanted, else attached anew
// beside the old ones, which go when all is done.
func (l *loader) relink(fresh, old *programs, undo *rollback) error {
	all, err := l.openAttached(l.PinDir)
	if err != nil {
		return explain("list what is attached", err)
	}
	l.attached = slices.Clone(all)
	for _, dev := range l.devices {
		if err := l.removeOrphans(l.PinDir, dev); err != nil {
			return err
		}
		i, err := l.recordOf(dev, all, undo)
		if err != nil {
			return err
		}
		if i < 0 {
			all = append(all, attached{name: dev.name})
			i = len(all) - 1
		}
		if err := l.renew(all[i], dev, fresh, old, undo); err != nil {
			return err
		}
		all = slices.Delete(all, i, i+1)
	}
	return l.renewOthers(all, fresh, old, undo)
}

// recordOf finds what is attached to a device, -1 where nothing is. A device that was renamed since takes its folder along.
func (l *loader) recordOf(dev device, all []attached, undo *rollback) (int, error) {
	if i := slices.IndexFunc(all, func(a attached) bool { return a.name == dev.name }); i >= 0 {
		return i, nil
	}
	i := slices.IndexFunc(all, func(a attached) bool { ok, err := l.serves(a, dev); return ok && err == nil })
	if i < 0 {
		return i, nil
	}
	old, now := linkPins(l.PinDir, all[i].name), linkPins(l.PinDir, dev.name)
	if err := os.Rename(old, now); err != nil {
		return i, explain("rename the links of "+all[i].name, err)
	}
	*undo = append(*undo, func() error { return os.Rename(now, old) })
	renamed, err := l.openDevice(l.PinDir, dev.name)
	if err != nil {
		return i, err
	}
	l.attached = append(l.attached, renamed) // to be closed with the others
	all[i] = renamed
	return i, nil
}

// renewOthers does the same for the devices that this load did not name. One that is gone is left for a load that names it.
func (l *loader) renewOthers(all []attached, fresh, old *programs, undo *rollback) error {
	for _, a := range all {
		if a.index() == 0 || a.mode == ModeClsact && a.site.cookie != l.cookie {
			continue
		}
		found, err := l.LinkByIndex(a.index())
		if errors.As(err, new(netlink.LinkNotFoundError)) {
			return fmt.Errorf("replace the programs of %s: it is in another network namespace: give each namespace a pin folder of its own, or, if it was moved there, run quicedge unload --iface %s first",
				a.name, a.name)
		}
		if err != nil {
			return explain("find device "+a.name, err)
		}
		dev, err := newDevice(found)
		if err != nil {
			return err
		}
		dev.name = a.name // it may have been renamed
		if err := l.renew(a, dev, fresh, old, undo); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) renew(a attached, dev device, fresh, old *programs, undo *rollback) error {
	ok, err := l.serves(a, dev)
	if err != nil {
		return err
	}
	if ok && a.mode == l.Mode {
		return l.replaceInPlace(a, dev, fresh, old, undo)
	}
	return l.attachAnew(a, dev, fresh, undo)
}

func (l *loader) replaceInPlace(a attached, dev device, fresh, old *programs, undo *rollback) error {
	for _, at := range a.links {
		if err := at.replace(at.hook.program(fresh, dev)); err != nil {
			return explain(fmt.Sprintf("replace the program at %s of %s", at.Hook, at.Interface), err)
		}
		*undo = append(*undo, func() error { return at.replace(at.hook.program(old, dev)) })
		l.step("replaced a program")
	}
	return nil
}

// attachAnew puts the new attachments in the old ones' place. For a moment packets meet both, and are counted by both.
func (l *loader) attachAnew(a attached, dev device, fresh *programs, undo *rollback) error {
	dir, err := l.attach(l.PinDir, dev, fresh, a.mode == ModeClsact && a.site == site{l.cookie, dev.index, true})
	if err != nil {
		return err
	}
	swapped, err := settle(dir, l.PinDir, dev.name)
	if err != nil {
		return errors.Join(err, l.takeDownLinks(dir))
	}
	if !swapped {
		*undo = append(*undo, func() error { return l.takeDownLinks(linkPins(l.PinDir, dev.name)) })
		l.step("attached")
		return nil
	}
	*undo = append(*undo, func() error {
		if _, err := settle(dir, l.PinDir, dev.name); err != nil {
			return err
		}
		return l.takeDownLinks(dir)
	})
	l.replaced = append(l.replaced, dir)
	l.step("attached")
	return nil
}
