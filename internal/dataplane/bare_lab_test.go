package dataplane

import (
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// A sender whose packets leave by a device without a link layer learns the MTU of the class, and what fits leaves.
func TestSenderWithoutALinkLayerLearnsTheMTU(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		out := l.tun("bare0", unix.ARPHRD_NONE)
		netnstest.Join(t, netnstest.End{
			NS: l.edge, Name: "bare0", Addrs: []string{"10.7.0.1/24", "fd07::1/64"},
			Routes: []netnstest.Route{{To: "203.0.113.0/24", Via: "10.7.0.2"}, {To: "2001:db8:62::/48", Via: "fd07::2"}},
		})
		l.cfg.Interfaces = []string{"bare0"}
		p := l.mustLoad(testSnapshot(t))
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
		for _, r := range reasonsAt(t, p, "ingress") {
			if r.Class == gansu && r.Reason == "screened-short" {
				return
			}
		}
		t.Errorf("counted %v: a datagram that came in is not among them", reasonsAt(t, p, "ingress"))
	})
}

// nextDatagram reads from the file of a device the length of the next IP packet with a UDP header.
func nextDatagram(t *testing.T, f *os.File) int {
	t.Helper()
	b := make([]byte, 2048)
	for {
		n, err := unix.Read(int(f.Fd()), b)
		if err != nil {
			t.Fatal(err)
		}
		if b[0]>>4 == 4 && b[9] == protoUDP || b[0]>>4 == 6 && b[6] == protoUDP {
			return n
		}
	}
}
