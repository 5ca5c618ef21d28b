//go:build kernels

// Only test/kernels/run builds these tests: their kernels have VLAN devices, which the one at hand may lack.

package dataplane

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// On a device that carries VLANs the errors come back by the VLAN that the packet left by, and the sender believes them. The
// outermost tag stands beside the frame where the lowest device sees it, the others in it.
func TestSenderBehindTagsLearnsTheMTU(t *testing.T) {
	for tags := 1; tags <= 3; tags++ {
		t.Run(fmt.Sprintf("%d tags", tags), func(t *testing.T) {
			inEachMode(t, func(t *testing.T, l *lab) { testSenderBehindTags(t, l, tags) })
		})
	}
}

func testSenderBehindTags(t *testing.T, l *lab, tags int) {
	l.wireSpare("trunk0")
	netnstest.VLANs(t, netnstest.End{
		NS: l.edge, Name: "trunk0", Addrs: []string{"10.8.0.1/24", "fd08::1/64"},
		Routes: []netnstest.Route{{To: "203.0.113.0/24", Via: "10.8.0.2"}, {To: "2001:db8:62::/48", Via: "fd08::2"}},
	}, tags)
	netnstest.VLANs(t, netnstest.End{
		NS: l.client, Name: "spare0", Addrs: []string{"10.8.0.2/24", "fd08::2/64", gansu4.String() + "/32", gansu6.String() + "/128"},
	}, tags)
	l.cfg.Interfaces = []string{"trunk0"}
	p := l.mustLoad(testSnapshot(t))
	tx4, tx6 := l.dial(gansu4, unix.IP_PMTUDISC_DO), l.dial(gansu6, unix.IP_PMTUDISC_DO)
	sendUntilTooLarge(t, func() error { _, err := tx4.Write(make([]byte, 1400)); return err })
	sendUntilTooLarge(t, func() error { _, err := tx6.Write(make([]byte, 1400)); return err })
	if got4, got6 := routeMTU(t, l, gansu4), routeMTU(t, l, gansu6); got4 != 1248 || got6 != 1280 {
		t.Errorf("routes say mtu %d and %d, want 1248 and 1280", got4, got6)
	}
	rx := l.listen(gansu4)
	write(t, tx4, 1220)
	if got := receive(t, rx); got != 1220 {
		t.Errorf("client got %d bytes, want 1220", got)
	}
	for _, r := range reasonsAt(t, p, "egress") {
		if r.Reason == "clamped-silent" || r.Reason == "vlan" {
			t.Errorf("counted %+v", r)
		}
	}
}

// An error to a frame with tags in it comes in by the device with the same tags.
func TestErrorsComeBackInTheirTags(t *testing.T) {
	inEachMode(t, testErrorsComeBackInTheirTags)
}

func testErrorsComeBackInTheirTags(t *testing.T, l *lab) {
	l.wireSpare("spare1")
	l.cfg.Interfaces = []string{"spare1"}
	l.mustLoad(testSnapshot(t))
	s, sniffer := l.rawSocket("spare1"), l.sniffer("spare1")
	for _, big := range [][]byte{toClient(harbin4, 1400), toClient(harbin6, 1400)} {
		for _, tags := range [][]uint32{{tagC | 5}, {tagS | 7, tagC | 5}} {
			s.send(t, tagged(big, tags...), 0)
			want := tagged(icmpError(big, headersOf(big), 1372), tags...)
			sniffer.waitFor(t, want)
		}
	}
}

// sniffer reads the frames that come in by a device, with the tag that the kernel has taken off.
type sniffer struct{ fd int }

func (l *lab) sniffer(name string) (s sniffer) {
	l.t.Helper()
	var err error
	l.do(func() {
		all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
		var dev device
		if dev, err = findDevice(name); err != nil {
			return
		}
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			return
		}
		if err = unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: dev.index, Protocol: all}); err != nil {
			return
		}
		if err = unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err == nil {
			err = unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5})
		}
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

// waitFor reads until a frame comes in that is the one wanted.
func (s sniffer) waitFor(t *testing.T, want []byte) {
	t.Helper()
	var last []byte
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		frame, incoming, err := s.read()
		if err != nil {
			t.Fatalf("no frame %x came in, last %x: %v", want, last, err)
		}
		if incoming && bytes.Equal(frame, want) {
			return
		}
		if incoming {
			last = frame
		}
	}
	t.Fatalf("no frame %x came in, last %x", want, last)
}

// read is the next frame. struct tpacket_auxdata has the tag's number at 16, its type at 18, and the status at 0.
func (s sniffer) read() (frame []byte, incoming bool, err error) {
	b, oob := make([]byte, 2048), make([]byte, 64)
	n, oobn, _, from, err := unix.Recvmsg(s.fd, b, oob, 0)
	if err != nil {
		return nil, false, err
	}
	frame = b[:n]
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, false, err
	}
	for _, m := range messages {
		if status := binary.NativeEndian.Uint32(m.Data); status&unix.TP_STATUS_VLAN_VALID != 0 {
			tag := uint32(binary.NativeEndian.Uint16(m.Data[18:]))<<16 | uint32(binary.NativeEndian.Uint16(m.Data[16:]))
			frame = tagged(frame, tag)
		}
	}
	link, ok := from.(*unix.SockaddrLinklayer)
	return frame, ok && link.Pkttype != unix.PACKET_OUTGOING, nil
}
