package dataplane

import (
	"io"
	"net/netip"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// bareDevice gives the edge a device without a link layer, by which the clients of Gansu are reached. What leaves by it can
// be read from the file.
func (l *lab) bareDevice(name string) (f *os.File) {
	l.t.Helper()
	dev := &netlink.Tuntap{
		LinkAttrs: netlink.LinkAttrs{Name: name}, Mode: netlink.TUNTAP_MODE_TUN, Flags: netlink.TUNTAP_NO_PI, Queues: 1, NonPersist: true,
	}
	var err error
	l.do(func() { err = netlink.LinkAdd(dev) })
	if err != nil {
		l.t.Fatal(err)
	}
	netnstest.Join(l.t, netnstest.End{
		NS: l.edge, Name: name, Addrs: []string{"10.7.0.1/24", "fd07::1/64"},
		Routes: []netnstest.Route{{To: "203.0.113.0/24", Via: "10.7.0.2"}, {To: "2001:db8:62::/48", Via: "fd07::2"}},
	})
	l.t.Cleanup(func() { dev.Fds[0].Close() })
	return dev.Fds[0]
}

// attachAll attaches programs to a device of the edge, until they are detached.
func (l *lab) attachAll(name string, ingress, egress *ebpf.Program) (detach func()) {
	l.t.Helper()
	var links [2]link.Link
	var err error
	l.do(func() {
		var dev netlink.Link
		if dev, err = netlink.LinkByName(name); err != nil {
			return
		}
		at := link.TCXOptions{Interface: dev.Attrs().Index, Program: ingress, Attach: ebpf.AttachTCXIngress}
		if links[0], err = link.AttachTCX(at); err != nil {
			return
		}
		at.Program, at.Attach = egress, ebpf.AttachTCXEgress
		links[1], err = link.AttachTCX(at)
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return func() { links[0].Close(); links[1].Close() }
}

// A sender whose packets leave by a device without a link layer learns the MTU of the class, and what fits leaves.
func TestSenderWithoutALinkLayerLearnsTheMTU(t *testing.T) {
	l := newLab(t)
	b := newBenchOf(t, testSnapshot(t), Config{}, 0)
	out := l.bareDevice("bare0")
	defer l.attachAll("bare0", b.programs.QeIngress, b.programs.QeEgress)()
	for _, c := range []struct {
		client netip.Addr
		mtu    int
		fits   int
	}{{gansu4, 1248, 1248 - 28}, {gansu6, 1280, 1248 - 48}} {
		tx := l.dial(c.client, unix.IP_PMTUDISC_DO)
		sendUntilTooLarge(t, func() error { _, err := tx.Write(make([]byte, 1400)); return err })
		if got := routeMTU(t, l, c.client); got != c.mtu {
			t.Errorf("route to %s says mtu %d, want %d", c.client, got, c.mtu)
		}
		write(t, tx, c.fits)
		if got := nextDatagram(t, out); got != 1248 {
			t.Errorf("a packet of %d bytes left first, want 1248", got)
		}
	}
	// What comes in is read as well.
	if _, err := out.Write(clientSends(gansu4, short(20))[14:]); err != nil {
		t.Fatal(err)
	}
	for _, r := range reasonsAt(t, b.Plane, "ingress") {
		if r.Class == gansu && r.Reason == "screened-short" {
			return
		}
	}
	t.Errorf("counted %v: a datagram that came in is not among them", reasonsAt(t, b.Plane, "ingress"))
}

// nextDatagram reads from the file of a device the length of the next IP packet with a UDP header.
func nextDatagram(t *testing.T, f io.Reader) int {
	t.Helper()
	b := make([]byte, 2048)
	for {
		n, err := f.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if b[0]>>4 == 4 && b[9] == protoUDP || b[0]>>4 == 6 && b[6] == protoUDP {
			return n
		}
	}
}
