package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"github.com/vishvananda/netlink"
)

// Inspection is what there is to know of a loaded data plane.
type Inspection struct {
	Generation  uint64 // number of swaps of its tables
	Tables      Tables
	Swapping    bool   // a swap was begun and has not ended; unless Holder is HeldUnsure, by a process that was killed
	Memory      uint64 // bytes of all maps, the prefix tables among them, as the kernel accounts them
	Attachments []AttachmentFacts
	Programs    []ProgramFacts
	Ports       []uint16
	Holder      Holder
}

// AttachmentFacts is an attachment and what its device is like.
type AttachmentFacts struct {
	Attachment
	Device DeviceState
}

// DeviceState is what a device that programs are attached to is like.
type DeviceState string

// States of a device.
const (
	DeviceUp        DeviceState = "up"
	DeviceDown      DeviceState = "down"
	DeviceGone      DeviceState = "gone"
	DeviceElsewhere DeviceState = "elsewhere" // in another network namespace than that of the calling thread
)

// Holder tells whether a running process keeps the data plane for itself.
type Holder string

// What may be known of a holder.
const (
	HeldByNode Holder = "node"
	HeldByNone Holder = "none"
	HeldUnsure Holder = "unknown" // a change is under way
)

// Inspect looks at everything. It needs access to the folder and no capability, and changes nothing.
func (p *Plane) Inspect() (in Inspection, err error) {
	if in.Ports, err = p.Ports(); err != nil {
		return in, err
	}
	if in.Tables, err = p.Tables(); err != nil {
		return in, err
	}
	if err := p.sizes(&in); err != nil {
		return in, err
	}
	attached, err := p.Interfaces()
	if err != nil {
		return in, err
	}
	for _, at := range attached {
		in.Attachments = append(in.Attachments, AttachmentFacts{at, stateOf(at)})
	}
	if in.Programs, err = p.Programs(); err != nil {
		return in, err
	}
	if in.Holder, err = p.holder(); err != nil || !in.Swapping {
		return in, err
	}
	return in, p.sizes(&in) // whoever swapped has had the time to end
}

func (p *Plane) sizes(in *Inspection) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errClosed
	}
	now, err := p.generation()
	if err != nil {
		return err
	}
	in.Generation, in.Memory = now.Number, in.Tables.IPv4.Bytes+in.Tables.IPv6.Bytes
	in.Swapping = now.Digest4 == [32]byte{} || now.Digest6 == [32]byte{}
	for name, field := range mapFields(&p.maps) {
		info, err := (*field).Info()
		if err != nil {
			return explain("ask for the size of map "+name, err)
		}
		size, _ := info.Memlock()
		in.Memory += size
	}
	return nil
}

func stateOf(at Attachment) DeviceState {
	if at.Index == 0 {
		return DeviceGone
	}
	l, err := netlink.LinkByIndex(at.Index)
	switch {
	case err != nil || l.Attrs().Name != at.Interface:
		return DeviceElsewhere
	case l.Attrs().Flags&net.FlagUp == 0:
		return DeviceDown
	}
	return DeviceUp
}

// holderWait is how long a question for the holder waits for a change under way.
const holderWait = 200 * time.Millisecond

// holder asks under the lock of the pin folder, as takeHold has it, so that nobody takes the question for a node.
func (p *Plane) holder() (Holder, error) {
	if p.hold.f != nil {
		return HeldByNode, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), holderWait)
	defer cancel()
	lock, err := lockDir(ctx, p.dir)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return HeldUnsure, nil
	case errors.Is(err, fs.ErrNotExist):
		return HeldUnsure, notLoaded(p.dir)
	case err != nil:
		return HeldUnsure, fmt.Errorf("ask who holds %s: %w", p.dir, err)
	}
	defer lock.release()
	hold, err := takeHold(p.dir)
	if errors.Is(err, ErrInUse) {
		return HeldByNode, nil
	}
	hold.release()
	return HeldByNone, err
}

// Pinned returns nil while the maps that p is open on are the ones that are pinned: ErrNotLoaded once another process has
// unloaded them.
func (p *Plane) Pinned() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errClosed
	}
	return p.stillPinned()
}

// Generation is the number of swaps of the tables since the maps were made.
func (p *Plane) Generation() (uint64, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return 0, errClosed
	}
	g, err := p.generation()
	return g.Number, err
}
