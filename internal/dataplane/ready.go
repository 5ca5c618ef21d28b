package dataplane

import "fmt"

// Ready returns nil while packets meet this Plane: its maps are the ones that are pinned, and the programs are attached to
// the device that it was loaded on; where it was opened, to any. It needs access to the folder, no capability, and takes
// some twenty system calls.
func (p *Plane) Ready() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errClosed
	}
	if err := p.stillPinned(); err != nil {
		return err
	}
	all, err := p.Interfaces()
	if err != nil {
		return err
	}
	alive := make(map[string]int) // links by device
	for _, a := range all {
		if a.Index != 0 && (p.device == "" || a.Interface == p.device) {
			alive[a.Interface]++
		}
	}
	for _, n := range alive {
		if n == len(hooks()) {
			return nil
		}
	}
	return fmt.Errorf("use %s: %w: its programs were taken off %s, or the device is gone: restart the node, or run quicedge load --iface IF",
		p.dir, ErrNotLoaded, orAny(p.device))
}

func orAny(device string) string {
	if device == "" {
		return "every device"
	}
	return device
}
