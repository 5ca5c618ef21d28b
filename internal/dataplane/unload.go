package dataplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// Unload takes the programs off devices, which may be gone already. When they were the last ones, every pin and the folder
// go, and the counters with them. ErrNotLoaded where one of the devices has no programs of ours: the others keep theirs.
// ErrInUse where a process that loaded with Hold is running. The calling thread must be in the devices' network namespace.
func Unload(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	network, err := openNetwork()
	if err != nil {
		return err
	}
	defer network.close()
	netLock, err := lockNetwork(ctx)
	if err != nil {
		return err
	}
	defer netLock.release()
	u := unloader{cfg, network}
	lock, err := lockDir(ctx, cfg.PinDir)
	if errors.Is(err, fs.ErrNotExist) {
		return cmp.Or(u.sweep(cfg.PinDir), u.sweepOrphans(), notLoaded(cfg.PinDir))
	}
	if err != nil {
		return explain("open "+cfg.PinDir, err)
	}
	defer lock.release()
	if err := checkOwned(cfg.PinDir); err != nil {
		return err
	}
	hold, err := takeHold(cfg.PinDir)
	if err != nil {
		return err
	}
	defer hold.release()
	if err := u.sweep(cfg.PinDir); err != nil {
		return err
	}
	return cmp.Or(u.unload(), u.sweepOrphans())
}

// unloader is one Unload under way.
type unloader struct {
	Config
	network
}

func (u unloader) unload() error {
	if err := u.sweepLinks(u.PinDir); err != nil {
		return err
	}
	all, err := u.openAttached(u.PinDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := closeAttached(all); err != nil {
		return err
	}
	missing := slices.Clone(u.Interfaces)
	var others []string
	for _, a := range all {
		if slices.Contains(u.Interfaces, a.name) {
			missing = slices.DeleteFunc(missing, func(name string) bool { return name == a.name })
			u.warnElsewhere(a)
		} else if a.index() != 0 {
			others = append(others, a.name)
		}
	}
	if len(others) == 0 {
		err = u.unloadAll()
	} else if len(missing) == 0 {
		err = u.unloadNamed()
	}
	if err == nil && len(missing) > 0 {
		return fmt.Errorf("unload from %s: %w there: %s", strings.Join(missing, ", "), ErrNotLoaded, attachedTo(others))
	}
	return err
}

func (u unloader) warnElsewhere(a attached) {
	if a.mode == ModeClsact && a.site.cookie != u.cookie {
		u.Log.Warn("its filters are in another network namespace and cannot be removed from here: if that one lives on, run there: tc filter del dev " + a.name + " ingress; tc filter del dev " + a.name + " egress")
	}
}

// sweepOrphans removes filters of ours whose pins somebody removed by hand.
func (u unloader) sweepOrphans() error {
	for _, name := range u.Interfaces {
		dev, err := findDevice(name)
		if errors.Is(err, ErrNoInterface) || errors.Is(err, ErrUnsupported) {
			continue
		}
		if err == nil {
			err = u.removeOrphans(u.PinDir, dev)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func attachedTo(devices []string) string {
	if len(devices) == 0 {
		return "it was attached to no device, and what was left of it is removed"
	}
	return "it is attached to " + strings.Join(devices, ", ")
}

// unloadNamed takes each device's links away from where others look, then detaches them.
func (u unloader) unloadNamed() error {
	for _, name := range u.Interfaces {
		aside := filepath.Join(u.PinDir, linksDir, stagedName(""))
		if err := os.Rename(linkPins(u.PinDir, name), aside); err != nil {
			return explain("take links of "+name+" aside", err)
		}
		u.step("took the links aside")
		if err := u.takeDownLinks(aside); err != nil {
			return err
		}
	}
	return nil
}

// unloadAll makes the programs look on only, in one step, then moves everything aside and takes it down there.
func (u unloader) unloadAll() error {
	if m, err := ebpf.LoadPinnedMap(mapPin(u.PinDir, bpf.DataplaneMapPorts), nil); err == nil {
		err = setPorts(m, nil)
		if err := errors.Join(err, m.Close()); err != nil {
			u.Log.Warn("ports not cleared; detaching all the same", "err", err)
		}
	}
	u.step("cleared the ports")
	aside := stagedName(u.PinDir)
	if err := os.Rename(u.PinDir, aside); err != nil {
		return explain("take "+u.PinDir+" aside", err)
	}
	u.step("took the folder aside")
	return u.takeDown(aside)
}
