package dataplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// watchAgain is how long Watch waits before it subscribes again to what the kernel tells of devices.
const watchAgain = time.Second

// Watch attaches the programs again to a device that went away, as soon as one of its name is there, until ctx is done. It
// looks after the devices that the Plane was loaded on, in the calling thread's network namespace. raised is given what needs
// CAP_BPF and CAP_NET_ADMIN, to run at once on a thread that has them.
func (p *Plane) Watch(ctx context.Context, raised func(func())) {
	for ctx.Err() == nil {
		err := p.watch(ctx, raised)
		if ctx.Err() != nil || errors.Is(err, errClosed) {
			return
		}
		p.cfg.Log.Warn("a device that comes back may stay without its programs until a second has passed", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(watchAgain):
		}
	}
}

func (p *Plane) watch(ctx context.Context, raised func(func())) error {
	updates, done := make(chan netlink.LinkUpdate), make(chan struct{})
	defer func() {
		close(done)
		for range updates { // the sender waits for its reader
		}
	}()
	if err := netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{}); err != nil {
		close(updates)
		return explain("subscribe to changes of devices", err)
	}
	if err := p.restore(ctx, raised); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case u, open := <-updates:
			if !open {
				return errors.New("the kernel ended the subscription to changes of devices")
			}
			if u.Header.Type != unix.RTM_NEWLINK || !slices.Contains(p.cfg.Interfaces, u.Attrs().Name) {
				continue
			}
			if err := p.restore(ctx, raised); err != nil {
				return err
			}
		}
	}
}

// restore attaches what is missing to those of the Plane's devices that are there.
func (p *Plane) restore(ctx context.Context, raised func(func())) error {
	lost, err := p.lost()
	if err != nil || len(lost) == 0 {
		return err
	}
	raised(func() { err = p.reattach(ctx, lost) })
	if err != nil {
		return err
	}
	for _, dev := range lost {
		p.cfg.Log.Info("attached again", "interface", dev.name, "index", dev.index)
	}
	return nil
}

// lost lists the Plane's devices that are there but have lost their programs. A device that was renamed keeps them until another
// comes under the name that it had.
func (p *Plane) lost() (devices []device, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return nil, errClosed
	}
	alive, err := p.alive()
	if err != nil {
		return nil, err
	}
	for _, name := range p.cfg.Interfaces {
		dev, err := findDevice(name)
		if errors.Is(err, ErrNoInterface) || (err == nil && alive[name] == dev.index) {
			continue
		}
		if err != nil {
			return nil, err
		}
		devices = append(devices, dev)
	}
	return devices, nil
}

// reattach attaches the pinned programs to devices, all or none.
func (p *Plane) reattach(ctx context.Context, devices []device) error {
	lock, err := lockNetwork(ctx)
	if err != nil {
		return err
	}
	defer lock.release()
	_, err = p.exclusive(func() (int, error) {
		pinned, err := openPrograms(p.dir)
		if err != nil {
			return 0, err
		}
		defer pinned.close()
		l := loader{Config: p.cfg, network: p.network}
		var undo rollback
		for _, dev := range devices {
			if err := l.reattach(dev, &pinned, &undo); err != nil {
				return 0, errors.Join(fmt.Errorf("attach to %s again: %w", dev.name, err), undo.run())
			}
		}
		l.retire()
		return len(devices), nil
	})
	return err
}

func (l *loader) reattach(dev device, pinned *programs, undo *rollback) error {
	a, err := l.openDevice(l.PinDir, dev.name)
	if err != nil {
		return err
	}
	defer closeAttached([]attached{a})
	return l.attachAnew(a, dev, pinned, undo)
}
