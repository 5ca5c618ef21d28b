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

// Unload takes the programs off a device, which may be gone already. When it was the last one, every pin and the folder
// go, and the counters with them. ErrNotLoaded where the device has no programs of ours,
// ErrInUse where a process that loaded with Hold is running.
func Unload(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	lock, err := lockDir(ctx, cfg.PinDir)
	if errors.Is(err, fs.ErrNotExist) {
		return cmp.Or(sweep(cfg.PinDir), notLoaded(cfg.PinDir))
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
	if err := sweep(cfg.PinDir); err != nil {
		return err
	}
	return cfg.unload()
}

func (c Config) unload() error {
	if err := sweepLinks(c.PinDir); err != nil {
		return err
	}
	links, err := openLinks(c.PinDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer closeLinks(links)
	var others []string
	found := false
	for _, l := range links {
		switch {
		case l.Interface == c.Interface:
			found = true
		case l.Index != 0:
			others = append(others, l.Interface)
		}
	}
	others = slices.Compact(others)
	switch {
	case len(others) == 0:
		err = c.unloadAll()
	case found:
		err = c.unloadOne()
	}
	if err == nil && !found {
		return fmt.Errorf("unload from %s: %w there: %s", c.Interface, ErrNotLoaded, attachedTo(others))
	}
	return err
}

func attachedTo(devices []string) string {
	if len(devices) == 0 {
		return "it was attached to no device, and what was left of it is removed"
	}
	return "it is attached to " + strings.Join(devices, ", ")
}

// unloadOne takes a device's links away from where others look, then detaches them.
func (c Config) unloadOne() error {
	aside := filepath.Join(c.PinDir, linksDir, stagedName(""))
	if err := os.Rename(linkPins(c.PinDir, c.Interface), aside); err != nil {
		return explain("take links of "+c.Interface+" aside", err)
	}
	c.step("took the links aside")
	return takeDownLinks(aside)
}

// unloadAll makes the programs look on only, in one step, then moves everything aside and takes it down there.
func (c Config) unloadAll() error {
	if m, err := ebpf.LoadPinnedMap(mapPin(c.PinDir, bpf.DataplaneMapPorts), nil); err == nil {
		err = setPorts(m, nil)
		if err := errors.Join(err, m.Close()); err != nil {
			c.Log.Warn("ports not cleared; detaching all the same", "err", err)
		}
	}
	c.step("cleared the ports")
	aside := stagedName(c.PinDir)
	if err := os.Rename(c.PinDir, aside); err != nil {
		return explain("take "+c.PinDir+" aside", err)
	}
	c.step("took the folder aside")
	return takeDown(aside)
}
