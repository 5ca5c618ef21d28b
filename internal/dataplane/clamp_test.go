package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/class"
)

func TestSenderLearnsTheMTUOfTheClass(t *testing.T) {
	l := newLab(t)
	l.mustLoad(testSnapshot(t))
	for _, c := range []struct {
		name          string
		client        netip.Addr
		headers       int
		level, option int
	}{
		{"ipv4", harbin4, 28, unix.IPPROTO_IP, unix.IP_MTU},
		{"ipv6", harbin6, 48, unix.IPPROTO_IPV6, unix.IPV6_MTU},
	} {
		t.Run(c.name, func(t *testing.T) {
			rx, tx := l.listen(c.client), l.dial(c.client, unix.IP_PMTUDISC_DO)
			if got := sockopt(t, tx, c.level, c.option); got != 1500 {
				t.Fatalf("mtu %d before the first datagram, want that of the link", got)
			}
			fits := 1372 - c.headers
			sendUntilTooLarge(t, func() error { _, err := tx.Write(make([]byte, fits+1)); return err })
			if got := sockopt(t, tx, c.level, c.option); got != 1372 {
				t.Errorf("socket says mtu %d, want 1372", got)
			}
			if got := routeMTU(t, l, c.client); got != 1372 {
				t.Errorf("route says mtu %d, want 1372", got)
			}
			if told := pathMTUs(t, l); !slices.Contains(told, PathMTU{c.client, 1372}) {
				t.Errorf("the kernel was told %v", told)
			}
			write(t, tx, fits)
			if got := receive(t, rx); got != fits {
				t.Errorf("client got %d bytes first, want %d: a datagram that is too large has left", got, fits)
			}
		})
	}
}

// pathMTUs is what the kernel of the edge was told of paths.
func pathMTUs(t *testing.T, l *lab) (all []PathMTU) {
	t.Helper()
	l.do(func() {
		var err error
		if all, err = PathMTUs(); err != nil {
			t.Error(err)
		}
	})
	return all
}

// routeMTU is what ip route get shows.
func routeMTU(t *testing.T, l *lab, to netip.Addr) (mtu int) {
	t.Helper()
	l.do(func() {
		routes, err := netlink.RouteGet(to.AsSlice())
		if err != nil || len(routes) != 1 {
			t.Errorf("%v: %v", routes, err)
			return
		}
		mtu = routes[0].MTU
	})
	return mtu
}

// Senders that fragment go on, in smaller fragments.
func TestFragmentsFitTheClass(t *testing.T) {
	l := newLab(t)
	l.mustLoad(testSnapshot(t))
	rx, tx := l.listen(harbin4), l.dial(harbin4, unix.IP_PMTUDISC_WANT)
	sendUntilTooLarge(t, func() error { _, err := tx.Write(make([]byte, 1472)); return err })
	write(t, tx, 1471)
	if got := receive(t, rx); got != 1471 {
		t.Errorf("client got %d bytes, want 1471", got)
	}
}

func TestOtherClassesAndPortsAreNotClamped(t *testing.T) {
	l := newLab(t)
	cfg := l.cfg
	l.cfg.Ports = []uint16{8443}
	l.mustLoad(testSnapshot(t))
	l.cfg = cfg
	rx, tx := l.listen(harbin4), l.dial(harbin4, unix.IP_PMTUDISC_DO)
	write(t, tx, 1472)
	if got := receive(t, rx); got != 1472 {
		t.Errorf("client got %d bytes, want 1472", got)
	}
}

func TestSegmentsOfSuperPacketsAreClamped(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	for _, c := range []struct {
		name   string
		client netip.Addr
		fits   int
	}{{"ipv4", harbin4, 1372 - 28}, {"ipv6", harbin6, 1372 - 48}} {
		t.Run(c.name, func(t *testing.T) {
			rx, tx := l.listen(c.client), l.dial(c.client, unix.IP_PMTUDISC_PROBE)
			raw, err := tx.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			send := func(segment, segments int) error {
				var serr error
				err := raw.Control(func(fd uintptr) {
					serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, segment)
				})
				_, werr := tx.Write(make([]byte, segment*segments))
				return errors.Join(err, serr, werr)
			}
			before := classed(t, p)
			if err := send(c.fits, 10); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if got := receive(t, rx); got != c.fits {
					t.Errorf("client got %d bytes, want %d", got, c.fits)
				}
			}
			if got := classed(t, p); got.Packets-before.Packets != 10 || got.Clamped != before.Clamped {
				t.Errorf("counted %+v after %+v, want 10 packets more", got, before)
			}
			sendUntilTooLarge(t, func() error { return send(c.fits+1, 10) })
			if got := classed(t, p); got.Clamped-before.Clamped < 10 {
				t.Errorf("counted %+v after %+v, want 10 clamped", got, before)
			}
			sendAfterErrors(t, func() error { return send(c.fits-100, 2) })
			if got := receive(t, rx); got != c.fits-100 {
				t.Errorf("client got %d bytes, want %d: segments that are too large have left", got, c.fits-100)
			}
		})
	}
}

// classed are the counters of Heilongjiang at egress.
func classed(t *testing.T, p *Plane) ClassStats {
	t.Helper()
	s, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Classes {
		if c.Class == heilongjiang && c.Hook == "egress" {
			return c
		}
	}
	return ClassStats{}
}

// On lo a node shows what it does without another host: the packet leaves and comes in by the same device.
func TestClampOnLoopback(t *testing.T) {
	l := newLab(t)
	l.cfg.Interfaces = []string{"lo"}
	p := l.mustLoad(snapshot(t, map[string]class.ID{"127.0.0.0/8": heilongjiang, "::1/128": heilongjiang}, map[class.ID]uint16{heilongjiang: 1372}))
	for _, c := range []struct {
		network, server, client string
		fits                    int
		level, option           int
	}{
		{"udp4", "127.0.0.1:443", "127.0.0.2:5555", 1372 - 28, unix.IPPROTO_IP, unix.IP_MTU},
		{"udp6", "[::1]:443", "[::1]:5555", 1372 - 48, unix.IPPROTO_IPV6, unix.IPV6_MTU},
	} {
		t.Run(c.network, func(t *testing.T) {
			var tx, rx net.Conn
			l.do(func() {
				rx, _ = net.ListenUDP(c.network, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.client)))
				d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.server))}
				tx, _ = d.Dial(c.network, c.client)
			})
			defer tx.Close()
			defer rx.Close()
			sendUntilTooLarge(t, func() error { _, err := tx.Write(make([]byte, c.fits+1)); return err })
			if got := sockopt(t, tx.(*net.UDPConn), c.level, c.option); got != 1372 {
				t.Errorf("socket says mtu %d, want 1372", got)
			}
			write(t, tx.(*net.UDPConn), c.fits)
			if got := receive(t, rx.(*net.UDPConn)); got != c.fits {
				t.Errorf("client got %d bytes, want %d", got, c.fits)
			}
		})
	}
	s, err := p.Stats()
	if err != nil || len(s.Classes) != 1 {
		t.Errorf("%+v, %v: only what leaves port 443 is the server's", s.Classes, err)
	}
}
