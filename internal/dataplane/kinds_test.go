package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// Addresses of the edge, on its lo, that the client reaches through the device under test alone.
var inner4, inner6 = addr("10.77.0.1"), addr("fd77::1")

// end is a namespace at one end of a device under test.
type end struct {
	own, peer  net.IP     // of the veth pair below
	inner, far netip.Addr // what is reached through the device: this end's address, and the other's
}

// kinds are the devices that programs can be attached to, besides a plain Ethernet device. make makes one in the calling thread's
// namespace and returns its name; on is where programs are attached, the same where empty.
var kinds = []struct {
	name, on string
	ipv6     bool
	deaf     bool // it carries nothing as it is made here
	make     func(e end) (netlink.Link, error)
}{
	{name: "vlan", make: func(e end) (netlink.Link, error) {
		below, err := netlink.LinkByName(map[bool]string{true: "edge0", false: "client0"}[e.inner == inner4])
		if err != nil {
			return nil, err
		}
		return &netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "test0.100", ParentIndex: below.Attrs().Index}, VlanId: 100}, nil
	}},
	{name: "bridge", make: bridge},
	{name: "bridge port", on: "port0", make: bridge},
	{name: "ipip", make: func(e end) (netlink.Link, error) {
		return &netlink.Iptun{LinkAttrs: netlink.LinkAttrs{Name: "test0"}, Local: e.own, Remote: e.peer}, nil
	}},
	{name: "gre", make: func(e end) (netlink.Link, error) {
		return &netlink.Gretun{LinkAttrs: netlink.LinkAttrs{Name: "test0"}, Local: e.own, Remote: e.peer}, nil
	}},
	{name: "sit", ipv6: true, make: func(e end) (netlink.Link, error) {
		return &netlink.Sittun{LinkAttrs: netlink.LinkAttrs{Name: "test0"}, Local: e.own, Remote: e.peer}, nil
	}},
	{name: "wireguard", deaf: true, make: func(end) (netlink.Link, error) {
		return &netlink.Wireguard{LinkAttrs: netlink.LinkAttrs{Name: "test0"}}, nil
	}},
}

// bridge is, at the edge, one over another pair of devices; the client has the other end.
func bridge(e end) (netlink.Link, error) {
	if e.inner != inner4 {
		return netlink.LinkByName("spare0")
	}
	b := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "test0"}}
	if err := netlink.LinkAdd(b); err != nil {
		return nil, err
	}
	port, err := netlink.LinkByName("port0")
	if err == nil {
		err = netlink.LinkSetMaster(port, b)
	}
	if err != nil {
		return nil, err
	}
	return netlink.LinkByName("test0")
}

// setUp makes the device and routes through it.
func (e end) setUp(make func(end) (netlink.Link, error)) (name string, err error) {
	l, err := make(e)
	if err != nil {
		return "", err
	}
	if l.Attrs().Index == 0 {
		if err := netlink.LinkAdd(l); err != nil {
			return "", err
		}
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return "", err
	}
	err = errors.Join(netlink.LinkSetUp(l), netlink.AddrReplace(lo, &netlink.Addr{IPNet: host(e.inner), Flags: unix.IFA_F_NODAD}))
	route := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: host(e.far), Src: e.inner.AsSlice(), Scope: netlink.SCOPE_LINK}
	if e.inner.Is6() {
		route.Scope = 0
	}
	return l.Attrs().Name, errors.Join(err, netlink.RouteReplace(route))
}

func host(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// Every device that carries IP can have the programs: they class what comes in, and keep what goes out within the class's MTU.
func TestDevicesOfManyKinds(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		mode := l.cfg.Mode
		for _, k := range kinds {
			t.Run(k.name, func(t *testing.T) {
				l := newLab(t)
				l.cfg.Mode, l.cfg.NoScreen = mode, true
				netnstest.Veth(t, netnstest.End{NS: l.edge, Name: "port0"}, netnstest.End{NS: l.client, Name: "spare0"})
				server, client := inner4, harbin4
				if k.ipv6 {
					server, client = inner6, harbin6
				}
				a, b := net.IP{10, 9, 0, 1}, net.IP{10, 9, 0, 2}
				edge, far := end{a, b, server, client}, end{b, a, client, server}
				var name string
				var err error
				l.do(func() { name, err = edge.setUp(k.make) })
				if errors.Is(err, unix.EOPNOTSUPP) && os.Getenv("QUICEDGE_REQUIRE_DEVICES") != "1" {
					t.Logf("Linux %s makes no device of this kind: %v", release(), err)
					return
				}
				if err == nil {
					netnstest.Do(t, l.client, func() { _, err = far.setUp(k.make) })
				}
				if err != nil {
					t.Fatal(err)
				}
				if k.on != "" {
					name = k.on
				}
				l.cfg.Interfaces = []string{name}
				if !k.deaf {
					l.carries(t, server, client)
				} else if got := interfaces(t, l.mustLoad(testSnapshot(t))); len(got) != 2 || got[0].Index == 0 {
					t.Errorf("attached %v", got)
				}
			})
		}
	})
}

// carries loads on the device between two addresses, and checks that it does there what it is for.
func (l *lab) carries(t *testing.T, server, client netip.Addr) {
	t.Helper()
	p := l.mustLoad(testSnapshot(t))
	rx, tx := l.udp(t, l.client, client, 5555), l.udp(t, l.edge, server, 443)
	if err := control(tx, func(fd int) error {
		if server.Is6() {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
	}); err != nil {
		t.Fatal(err)
	}
	toClient, toServer := netip.AddrPortFrom(client, 5555), netip.AddrPortFrom(server, 443)
	if _, err := rx.WriteToUDPAddrPort(make([]byte, 1000), toServer); err != nil {
		t.Fatal(err)
	}
	if n := receive(t, tx); n != 1000 {
		t.Fatalf("received %d bytes", n)
	}
	if _, err := tx.WriteToUDPAddrPort(make([]byte, 900), toClient); err != nil {
		t.Fatal(err)
	}
	if n := receive(t, rx); n != 900 {
		t.Fatalf("received %d bytes", n)
	}
	overhead := uint64(28)
	if server.Is6() {
		overhead = 48
	}
	s, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	want := []ClassStats{
		{Class: heilongjiang, Hook: "ingress", Packets: 1, Bytes: 1000 + overhead},
		{Class: heilongjiang, Hook: "egress", Packets: 1, Bytes: 900 + overhead},
	}
	if !slices.Equal(s.Classes, want) {
		t.Errorf("counted %v, want %v", s.Classes, want)
	}
	sendUntilTooLarge(t, func() error {
		_, err := tx.WriteToUDPAddrPort(make([]byte, 1372-int(overhead)+1), toClient)
		return err
	})
}

// udp opens a socket in a namespace.
func (l *lab) udp(t *testing.T, ns netnstest.NS, a netip.Addr, port uint16) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	var err error
	netnstest.Do(t, ns, func() { conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, port))) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
