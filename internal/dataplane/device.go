package dataplane

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
)

// device is a network device that programs can be attached to.
type device struct {
	name   string
	index  int
	layer3 bool // its packets begin with the IP header
	up     bool
}

// findDevice looks a device up in the network namespace of the calling thread.
func findDevice(name string) (device, error) {
	l, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return device{}, fmt.Errorf("find device %s: %w: %s", name, ErrNoInterface, existing())
	}
	if err != nil {
		return device{}, explain("find device "+name, err)
	}
	return newDevice(l)
}

func newDevice(l netlink.Link) (device, error) {
	a := l.Attrs()
	kind, err := headers(l)
	if err != nil {
		return device{}, fmt.Errorf("attach to %s: %w", a.Name, err)
	}
	return device{name: a.Name, index: a.Index, layer3: kind == startsWithIP, up: a.Flags&net.FlagUp != 0}, nil
}

// What a device's packets begin with, as programs see them.
type headerKind bool

const (
	startsWithEthernet headerKind = false
	startsWithIP       headerKind = true
)

// headers says what the packets of a device begin with. Those that are listed for IP are those for which the kernel itself
// knows that there is no link layer header (dev_is_mac_header_xmit).
func headers(l netlink.Link) (headerKind, error) {
	switch encap := l.Attrs().EncapType; encap {
	case "ether", "loopback":
		return startsWithEthernet, nil
	case "gre", "gre6", "ipgre", "ip6gre":
		if g, ok := l.(*netlink.Gretun); ok && !g.FlowBased && (g.Remote == nil || g.Remote.IsUnspecified()) {
			return startsWithIP, fmt.Errorf("device type %s without a remote address is %w: its packets begin with the outer IP header: choose the device below it", l.Type(), ErrUnsupported)
		}
		return startsWithIP, nil
	case "none", "rawip", "ppp", "ipip", "tunnel", "tunnel6", "sit", "void":
		return startsWithIP, nil
	default:
		return startsWithIP, fmt.Errorf("device type %s (%s) is %w: its packets begin with neither an Ethernet nor an IP header: choose the Ethernet device below it",
			l.Type(), encap, ErrUnsupported)
	}
}

// existing tells a person what could have been meant.
func existing() string {
	all, err := netlink.LinkList()
	if err != nil || len(all) == 0 {
		return "see ip link"
	}
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.Attrs().Name
	}
	return "choose one of " + strings.Join(names, ", ")
}

// DefaultInterface returns the device of the default route with the lowest metric, IPv4 before IPv6. ErrNoInterface where
// there is no default route.
func DefaultInterface() (string, error) {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := netlink.RouteList(nil, family)
		if err != nil {
			return "", explain("list routes", err)
		}
		if r, ok := defaultRoute(routes); ok {
			l, err := netlink.LinkByIndex(r.LinkIndex)
			if err != nil {
				return "", explain("find the device of the default route", err)
			}
			return l.Attrs().Name, nil
		}
	}
	return "", fmt.Errorf("find the default route: %w: there is none: name a device, %s", ErrNoInterface, existing())
}

func defaultRoute(routes []netlink.Route) (best netlink.Route, found bool) {
	for _, r := range routes {
		toAll := r.Dst == nil
		if !toAll {
			ones, _ := r.Dst.Mask.Size()
			toAll = ones == 0
		}
		if toAll && r.LinkIndex > 0 && (!found || r.Priority < best.Priority) {
			best, found = r, true
		}
	}
	return best, found
}
