package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/path"
)

// loader is one Load under way.
type loader struct {
	Config
	network
	devices  []device
	snap     *path.Snapshot
	spec     *ebpf.CollectionSpec
	attached []attached
	replaced []string // folders of attachments that others have taken the place of
}

// Load puts the programs on devices and gives them a snapshot; everything stays when the process ends. Where the data
// plane is loaded already, the programs of all its devices are replaced without a packet missing them, the maps and their
// counters stay, the ports and the mode become those of cfg, and the devices are added. A Load that fails leaves what was
// running before, on every device. ErrInUse where a process that loaded with Hold is running.
//
// The devices are those of the calling thread's network namespace.
func Load(ctx context.Context, cfg Config, snap *path.Snapshot) (_ *Plane, err error) {
	cfg, err = cfg.complete()
	if err != nil {
		return nil, err
	}
	if err := validate(snap); err != nil {
		return nil, fmt.Errorf("load snapshot: %w", err)
	}
	l := loader{Config: cfg, snap: snap}
	if err := l.findDevices(); err != nil {
		return nil, err
	}
	if err := probe(); err != nil {
		return nil, err
	}
	if l.Mode, err = cfg.Mode.choose(); err != nil {
		return nil, err
	}
	if l.spec, err = bpf.LoadDataplane(); err != nil {
		return nil, err
	}
	if err := ensureBPFFS(cfg.PinDir); err != nil {
		return nil, err
	}
	lock, err := lockNetwork(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.release()
	if l.network, err = openNetwork(); err != nil {
		return nil, err
	}
	p, err := l.load(ctx)
	if err != nil {
		l.network.close()
		return nil, err
	}
	p.cfg, p.network = l.Config, l.network
	return p, nil
}

func (l *loader) findDevices() error {
	for _, name := range l.Interfaces {
		dev, err := findDevice(name)
		if err != nil {
			return err
		}
		if !dev.up {
			l.Log.Warn(fmt.Sprintf("%s is down: no packet comes by it until it is up (ip link set %s up)", name, name))
		}
		l.devices = append(l.devices, dev)
	}
	return nil
}

// load upgrades what there is. Two first loads may meet: the one that comes second upgrades the other's.
func (l *loader) load(ctx context.Context) (*Plane, error) {
	for {
		lock, err := lockDir(ctx, l.PinDir)
		if err == nil && os.Remove(l.PinDir) != nil { // it goes only if it is empty, made by hand
			defer lock.release()
			return l.upgrade(ctx)
		}
		if err == nil {
			lock.release()
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, explain("open "+l.PinDir, err)
		}
		p, err := l.first(ctx)
		if !taken(err) {
			return p, err
		}
	}
}

func taken(err error) bool { return errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) }

// first builds a pin folder beside its place, and moves it there complete. The programs are attached by then, but the ports
// are set last of all, and until they are the programs only look on: traffic goes from untouched to served in one step.
func (l *loader) first(ctx context.Context) (_ *Plane, err error) {
	if err := l.sweep(l.PinDir); err != nil {
		return nil, err
	}
	dir, lock, err := l.stage(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.release()
	defer func() {
		if err != nil {
			err = errors.Join(err, l.takeDown(dir))
		}
	}()
	l.step("made the folder")
	o, err := l.loadObjects(l.spec, nil)
	if err != nil {
		return nil, err
	}
	defer o.programs.close()
	p, err := l.plane(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := l.fill(ctx, p, o, dir); err != nil {
		return nil, err
	}
	if err := os.Rename(dir, l.PinDir); err != nil {
		return nil, fmt.Errorf("place %s: %w", l.PinDir, err)
	}
	dir = l.PinDir
	l.step("moved the folder into place")
	if err := setPorts(p.maps.Ports, l.Ports); err != nil {
		return nil, err
	}
	l.step("set the ports")
	return p, nil
}

// stage makes and locks a folder beside the pin folder's place. Another process may sweep it before it is locked.
func (l *loader) stage(ctx context.Context) (dir string, lock dirLock, err error) {
	for {
		dir = stagedName(l.PinDir)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", lock, explain("make "+dir, err)
		}
		if lock, err = lockDir(ctx, dir); !errors.Is(err, fs.ErrNotExist) {
			return dir, lock, err
		}
	}
}

// plane opens a Plane on what was loaded; it takes over the maps.
func (l *loader) plane(o *objects) (*Plane, error) {
	lookup, err := o.QeLookup.Clone()
	if err != nil {
		return nil, errors.Join(explain("keep the lookup program", err), o.close())
	}
	p, err := newPlane(l.PinDir, l.spec, o.DataplaneMaps, lookup)
	if err != nil {
		return nil, err
	}
	if l.step != nil {
		p.step = l.step
	}
	return p, nil
}

// fill pins everything under dir, with the tables filled and the devices attached.
func (l *loader) fill(ctx context.Context, p *Plane, o *objects, dir string) error {
	if err := seedSteering(o.Steering); err != nil {
		return err
	}
	if err := o.pin(dir); err != nil {
		return err
	}
	if l.Hold {
		var err error
		if p.hold, err = takeHold(dir); err != nil {
			return err
		}
	}
	l.step("pinned maps and programs")
	c, err := p.prepare(l.snap, l.TableKind)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := p.commit(c); err != nil {
		return err
	}
	l.step("filled the tables")
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, dev := range l.devices {
		if err := l.removeOrphans(l.PinDir, dev); err != nil {
			return err
		}
		links, err := l.attach(dir, dev, &o.programs, false)
		if err != nil {
			return err
		}
		if _, err := settle(links, dir, dev.name); err != nil {
			return err
		}
	}
	l.step("attached")
	return nil
}
