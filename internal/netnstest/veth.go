package netnstest

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is one end of a veth pair.
type End struct {
	NS     NS
	Name   string   // at most 15 letters
	Addrs  []string // with prefix length: "10.9.0.1/24", "fd00::1/64"
	MTU    int      // bytes; 1500 where 0
	Routes []Route
}

// Route sends a network to a gateway that is reached through the end.
type Route struct{ To, Via string } // "198.51.100.0/24" via "10.9.0.2"

// Veth joins two namespaces by a pair of Ethernet devices, which are up and usable when it returns: no duplicate address
// detection holds the IPv6 addresses back.
func Veth(t testing.TB, a, b End) {
	t.Helper()
	with(t, a.NS, func(h *netlink.Handle) error {
		return h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a.Name}, PeerName: b.Name, PeerNamespace: netlink.NsFd(int(b.NS.NsHandle))})
	})
	for _, e := range []End{a, b} {
		with(t, e.NS, e.setUp)
	}
	for _, e := range []End{a, b} {
		with(t, e.NS, e.addRoutes)
	}
}

// Join brings a device up that a test has made itself, with the end's addresses and routes.
func Join(t testing.TB, e End) {
	t.Helper()
	with(t, e.NS, e.setUp)
	with(t, e.NS, e.addRoutes)
}

func (e End) setUp(h *netlink.Handle) error {
	l, err := h.LinkByName(e.Name)
	if err != nil {
		return err
	}
	if e.MTU != 0 {
		if err := h.LinkSetMTU(l, e.MTU); err != nil {
			return err
		}
	}
	for _, s := range e.Addrs {
		addr, err := netlink.ParseAddr(s)
		if err != nil {
			return err
		}
		if addr.IP.To4() == nil {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := h.AddrAdd(l, addr); err != nil {
			return err
		}
	}
	return h.LinkSetUp(l)
}

func (e End) addRoutes(h *netlink.Handle) error {
	l, err := h.LinkByName(e.Name)
	if err != nil {
		return err
	}
	for _, r := range e.Routes {
		to, err := netlink.ParseIPNet(r.To)
		if err != nil {
			return err
		}
		via, err := netlink.ParseAddr(r.Via + "/32")
		if err != nil {
			if via, err = netlink.ParseAddr(r.Via + "/128"); err != nil {
				return err
			}
		}
		if err := h.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: to, Gw: via.IP}); err != nil {
			return err
		}
	}
	return nil
}

// SetMTU changes the MTU of a device.
func SetMTU(t testing.TB, ns NS, name string, size int) {
	t.Helper()
	with(t, ns, func(h *netlink.Handle) error {
		l, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		return h.LinkSetMTU(l, size)
	})
}
