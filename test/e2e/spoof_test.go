package e2e

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// spoofer sends UDP datagrams over a link as whatever IPv4 address it likes.
type spoofer struct {
	fd int
	to *unix.SockaddrLinklayer
}

// newSpoofer sends from a device to the one at the other end.
func newSpoofer(t *testing.T, from netnstest.NS, device string, to netnstest.NS, peer string) *spoofer {
	t.Helper()
	s := &spoofer{}
	err := to.Netlink(func(h *netlink.Handle) error {
		link, err := h.LinkByName(peer)
		if err == nil {
			s.to = &unix.SockaddrLinklayer{Protocol: 0x0008, Halen: 6} // ETH_P_IP in network order
			copy(s.to.Addr[:], link.Attrs().HardwareAddr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	netnstest.Do(t, from, func() {
		var dev *net.Interface
		if dev, err = net.InterfaceByName(device); err != nil {
			return
		}
		s.to.Ifindex = dev.Index
		s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

// send sends a datagram without a UDP checksum, which IPv4 leaves out at will (RFC 768).
func (s *spoofer) send(from, to [4]byte, fromPort, toPort uint16, payload []byte) error {
	const ip, udp = 20, 8
	p := make([]byte, ip+udp, ip+udp+len(payload))
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(p[2:], uint16(ip+udp+len(payload)))
	copy(p[12:], from[:])
	copy(p[16:], to[:])
	var sum uint32
	for i := 0; i < ip; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum))
	binary.BigEndian.PutUint16(p[ip:], fromPort)
	binary.BigEndian.PutUint16(p[ip+2:], toPort)
	binary.BigEndian.PutUint16(p[ip+4:], uint16(udp+len(payload)))
	return unix.Sendto(s.fd, append(p, payload...), 0, s.to)
}
