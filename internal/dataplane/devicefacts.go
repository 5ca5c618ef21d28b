package dataplane

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// DeviceFacts is what a network device is like.
type DeviceFacts struct {
	Name     string
	Index    int
	Kind     string // such as "device", "veth", "vlan"
	Encap    string // such as "ether", "loopback", "none"
	MTU      int    // bytes of the largest IP packet
	Up       bool
	Offloads map[string]Offload // by the names that ethtool -k has; nil where the kernel did not tell
}

// Offload is work that a device, or the kernel for it, does on many packets at once.
type Offload struct {
	On         bool
	Changeable bool // by ethtool -K; what is not was never offered by the driver, or is fixed
}

// Device describes a device of the calling thread's network namespace. It needs no capability. ErrNoInterface where there is
// none of this name.
func Device(name string) (DeviceFacts, error) {
	l, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return DeviceFacts{}, fmt.Errorf("find device %s: %w: %s", name, ErrNoInterface, existing())
	}
	if err != nil {
		return DeviceFacts{}, explain("find device "+name, err)
	}
	a := l.Attrs()
	d := DeviceFacts{Name: a.Name, Index: a.Index, Kind: l.Type(), Encap: a.EncapType, MTU: a.MTU, Up: a.Flags&net.FlagUp != 0}
	if d.Offloads, err = offloads(name); err != nil && !errors.Is(err, errNoEthtool) {
		return d, explain("ask for the offloads of "+name, err)
	}
	return d, nil
}
