package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/class"
	"quicedge/internal/config"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
	"quicedge/internal/privilege"
)

// kernelSide is the data plane as this node has it.
type kernelSide struct {
	plane *dataplane.Plane // nil: none
	cfg   dataplane.Config
	state string // a sentence for people
	err   error  // why there is none, nil where none is wanted
}

// ready fails where packets are not classed although they should be.
func (k *kernelSide) ready() error {
	if k.plane == nil {
		return k.err
	}
	return k.plane.Ready()
}

// attach loads the data plane where it is wanted and permitted. Only a mistake in the settings stops the node.
func (n *Node) attach(ctx context.Context) error {
	if n.cfg.Iface == config.IfaceNone {
		n.plane.state = "off (iface: none)"
		return nil
	}
	interfaces, err := n.interfaces()
	cfg, wrong := PlaneConfig(n.cfg, interfaces...)
	if wrong != nil {
		return wrong
	}
	if n.sockets != nil {
		cfg.Ports = append([]uint16{n.sockets.Addr().Port()}, cfg.Ports...)
	}
	held := n.take(giftHold)
	cfg.Hold, cfg.Held, cfg.Log = true, held, n.log
	if err == nil {
		n.plane.plane, err = dataplane.Load(ctx, cfg, n.loop.Snapshot())
		n.plane.cfg = cfg
	}
	if err != nil && held != nil {
		return err // the process before goes on with its own
	}
	if err != nil {
		return n.withoutPlane(err)
	}
	n.loop.Drive(n.plane.plane)
	n.plane.state = fmt.Sprintf("attached to %s for UDP ports %v, %d prefixes, pinned in %s", strings.Join(interfaces, ", "), cfg.Ports,
		len(n.loop.Snapshot().Prefixes.Entries()), n.cfg.PinDir)
	return nil
}

func (n *Node) interfaces() ([]string, error) {
	if n.cfg.Iface == config.IfaceAuto {
		iface, err := dataplane.DefaultInterface()
		return []string{iface}, err
	}
	return config.Interfaces(n.cfg.Iface), nil
}

// watch keeps the data plane on devices that go away and come back. For the moment of attaching it raises what a serving node
// has kept for that.
func (n *Node) watch() {
	if n.plane.plane != nil {
		go n.plane.plane.Watch(n.tending, func(attach func()) { privilege.With(attach, cap.BPF, cap.NET_ADMIN) })
	}
}

// withoutPlane decides whether a node may run without its data plane: yes where the machine does not allow one, no where an
// interface was named that cannot be used, or where another node has the pins.
func (n *Node) withoutPlane(err error) error {
	missing := errors.Is(err, dataplane.ErrNotPermitted) || errors.Is(err, dataplane.ErrUnsupported)
	if errors.Is(err, dataplane.ErrInUse) || !missing && n.cfg.Iface != config.IfaceAuto {
		return err
	}
	n.plane.err = err
	n.plane.state = "none: " + err.Error()
	n.log.Warn("serving without the kernel data plane: packets are neither counted nor clamped by class; "+
		"the server still sizes its own by class", "error", err)
	return nil
}

// detachTime bounds the taking down of the data plane, which a drain that ran out of time must not keep from happening.
const detachTime = 10 * time.Second

// detach takes the data plane down: it was attached for the life of this node.
func (n *Node) detach(ctx context.Context) error {
	if n.plane.plane == nil {
		return nil
	}
	if n.handed.Load() || n.estate != nil { // another process has it, or has it still
		n.plane.plane.HandOver()
		return n.plane.plane.Close()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachTime)
	defer cancel()
	err := n.plane.plane.Close() // lets go of what it holds
	privilege.With(func() { err = errors.Join(err, dataplane.Unload(ctx, n.plane.cfg)) }, cap.BPF, cap.NET_ADMIN)
	return err
}

// Lookup classes an address, for the admin socket.
func (n *Node) Lookup(addr netip.Addr) path.Match { return n.loop.Lookup(addr) }

// Of is what holds for a class, for the admin socket.
func (n *Node) Of(id class.ID) path.Match {
	return path.Match{Class: id, Profile: n.loop.Snapshot().Profiles[id]}
}
