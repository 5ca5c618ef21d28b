package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// Device is the name of the TUN device at the edge, which a data plane can be attached to, and at the clients.
const Device = "lab0"

const (
	deviceMTU   = 1500   // bytes: that of Ethernet, so that only links are narrower
	deviceQueue = 10_000 // packets: a burst of super-packets must not be lost before the emulator sees it
)

var (
	allClients = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/16")}
	allEdges   = []netip.Prefix{netip.MustParsePrefix("198.18.0.0/24"), netip.MustParsePrefix("fdee::/64")}
)

// setUpEdge gives the edge its addresses, within the networks of the emulator's router, and the way to all clients.
func setUpEdge(ns netnstest.NS) error {
	return ns.Netlink(func(h *netlink.Handle) error {
		dev, err := bringUp(h)
		if err != nil {
			return err
		}
		for i, addr := range []netip.Addr{edge4, edge6} {
			a := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(addr, allEdges[i].Bits()))}
			if addr.Is6() {
				a.Flags = unix.IFA_F_NODAD
			}
			if err := h.AddrAdd(dev, a); err != nil {
				return fmt.Errorf("address %s: %w", addr, err)
			}
		}
		return route(h, dev, allClients)
	})
}

// setUpClients makes every client's address one of this host: sockets can be bound to any of them, and none needs to be added.
func setUpClients(ns netnstest.NS) error {
	err := ns.Netlink(func(h *netlink.Handle) error {
		dev, err := bringUp(h)
		if err != nil {
			return err
		}
		lo, err := h.LinkByName("lo")
		if err != nil {
			return err
		}
		for _, p := range allClients {
			r := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: ipNet(p), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: unix.RT_SCOPE_HOST}
			if err := h.RouteAdd(r); err != nil {
				return fmt.Errorf("local route %s: %w", p, err)
			}
		}
		return route(h, dev, allEdges)
	})
	if err != nil {
		return err
	}
	return ns.Within(func() error {
		return os.WriteFile("/proc/sys/net/ipv6/ip_nonlocal_bind", []byte("1"), 0)
	})
}

func bringUp(h *netlink.Handle) (netlink.Link, error) {
	dev, err := h.LinkByName(Device)
	if err != nil {
		return nil, err
	}
	for what, f := range map[string]func() error{
		"mtu":   func() error { return h.LinkSetMTU(dev, deviceMTU) },
		"queue": func() error { return h.LinkSetTxQLen(dev, deviceQueue) },
	} {
		if err := f(); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", what, Device, err)
		}
	}
	return dev, h.LinkSetUp(dev)
}

func route(h *netlink.Handle, dev netlink.Link, to []netip.Prefix) error {
	for _, p := range to {
		err := h.RouteReplace(&netlink.Route{LinkIndex: dev.Attrs().Index, Dst: ipNet(p), Scope: unix.RT_SCOPE_LINK})
		if err != nil {
			return fmt.Errorf("route %s: %w", p, err)
		}
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// Dropped returns the packets that the devices lost before the emulator could read them, since they were faster than it.
func (l *Lab) Dropped() (n uint64, err error) {
	for _, ns := range []netnstest.NS{l.Edge, l.Clients} {
		err := ns.Netlink(func(h *netlink.Handle) error {
			dev, err := h.LinkByName(Device)
			if err == nil {
				n += dev.Attrs().Statistics.TxDropped
			}
			return err
		})
		if err != nil {
			return n, err
		}
	}
	return n + l.network.Refused(), nil
}
