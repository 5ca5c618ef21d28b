package dataplane

import (
	"fmt"
	"slices"
	"strings"
)

// Ready returns nil while packets meet this Plane: its maps are the ones that are pinned, and the programs are attached to
// every device that it was loaded on; where it was opened, to any. It needs access to the folder, no capability, and takes
// some twenty system calls a device.
func (p *Plane) Ready() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errClosed
	}
	if err := p.stillPinned(); err != nil {
		return err
	}
	alive, err := p.alive()
	if err != nil {
		return err
	}
	if len(p.cfg.Interfaces) == 0 && len(alive) > 0 {
		return nil
	}
	lost := slices.DeleteFunc(slices.Clone(p.cfg.Interfaces), func(name string) bool { return alive[name] != 0 })
	if len(p.cfg.Interfaces) == 0 {
		lost = []string{"every device"}
	}
	if len(lost) == 0 {
		return nil
	}
	return fmt.Errorf("use %s: %w: its programs were taken off %s, or the device is gone: restart the node, or run quicedge load --iface IF",
		p.dir, ErrNotLoaded, strings.Join(lost, ", "))
}

// alive returns the indexes of the devices that have all their programs, by the names that they were loaded by.
func (p *Plane) alive() (devices map[string]int, err error) {
	all, err := p.interfaces()
	if err != nil {
		return nil, err
	}
	n := make(map[string]int)
	devices = make(map[string]int)
	for _, a := range all {
		if a.Index == 0 {
			continue
		}
		if n[a.Interface]++; n[a.Interface] == len(hooks()) {
			devices[a.Interface] = a.Index
		}
	}
	return devices, nil
}
