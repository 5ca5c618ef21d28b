package dataplane

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
)

// device is a network device that programs can be attached to.
type device struct {
	name  string
	index int
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
	attrs := l.Attrs()
	if encap := attrs.EncapType; encap != "ether" && encap != "loopback" {
		return device{}, fmt.Errorf("attach to %s: device type %s (%s) %w: its packets have no Ethernet header: choose the Ethernet device below it",
			name, l.Type(), encap, ErrUnsupported)
	}
	return device{attrs.Name, attrs.Index}, nil
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
