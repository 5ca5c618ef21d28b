package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// changeWait is how long a change waits for another process that is changing the data plane.
const changeWait = 10 * time.Second

// exclusive calls change while no other process changes the data plane that p is open on.
func (p *Plane) exclusive(change func() (int, error)) (int, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return 0, errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), changeWait)
	defer cancel()
	lock, err := lockDir(ctx, p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, notLoaded(p.dir)
	}
	if err != nil {
		return 0, explain("change "+p.dir, err)
	}
	defer lock.release()
	if err := p.stillPinned(); err != nil {
		return 0, err
	}
	return change()
}

// stillPinned refuses maps that another process has since unloaded.
func (p *Plane) stillPinned() error {
	pinned, err := ebpf.LoadPinnedMap(mapPin(p.dir, bpf.DataplaneMapGeneration), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("use %s: %w any more: its pins were removed: restart the node, or run quicedge load --iface IF", p.dir, ErrNotLoaded)
	}
	if err != nil {
		return explain("open the pinned generation", err)
	}
	defer pinned.Close()
	theirs, err := mapID(pinned)
	if err != nil {
		return err
	}
	ours, err := mapID(p.maps.Generation)
	if err != nil {
		return err
	}
	if ours != theirs {
		return fmt.Errorf("use %s: %w any more: another process unloaded and loaded it since: restart the node, or open it again", p.dir, ErrNotLoaded)
	}
	return nil
}

func mapID(m *ebpf.Map) (ebpf.MapID, error) {
	info, err := m.Info()
	if err != nil {
		return 0, explain("ask for the id of a map", err)
	}
	id, _ := info.ID()
	return id, nil
}
