package e2e

import (
	"encoding/binary"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// internet is an edge and a client with a router between them; the link to the client carries 1372 bytes.
//
//	edge 10.9.0.1 --1500-- router --1372-- client 198.51.100.7
type internet struct {
	edge, router, client netnstest.NS
}

const (
	linkMTU  = 1372
	edgeAddr = "10.9.0.1"
)

func newInternet(t *testing.T) internet {
	t.Helper()
	in := internet{netnstest.New(t), netnstest.New(t), netnstest.New(t)}
	netnstest.Veth(t,
		netnstest.End{NS: in.edge, Name: "edge0", Addrs: []string{edgeAddr + "/24"}, Routes: []netnstest.Route{{To: "198.51.100.0/24", Via: "10.9.0.254"}}},
		netnstest.End{NS: in.router, Name: "toedge", Addrs: []string{"10.9.0.254/24"}})
	netnstest.Veth(t,
		netnstest.End{NS: in.client, Name: "client0", Addrs: []string{"198.51.100.7/24"}, MTU: linkMTU, Routes: []netnstest.Route{{To: "10.9.0.0/24", Via: "198.51.100.254"}}},
		netnstest.End{NS: in.router, Name: "toclient", Addrs: []string{"198.51.100.254/24"}, MTU: linkMTU})
	var err error
	netnstest.Do(t, in.router, func() { err = os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
	if err != nil {
		t.Fatal(err)
	}
	segmentBeforeTheWire(t, in.edge, "edge0")
	return in
}

// segmentBeforeTheWire makes the kernel cut GSO super-packets before the device, as a network card without the offload has it,
// so that what crosses the link is datagrams; programs on egress still see the super-packets.
func segmentBeforeTheWire(t *testing.T, ns netnstest.NS, device string) {
	t.Helper()
	h, err := netlink.NewHandleAt(ns.NsHandle, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	l, err := h.LinkByName(device)
	if err == nil {
		err = h.LinkSetGSOMaxSegs(l, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sniffer counts the IPv4 datagrams from a UDP port that arrive on a device, by size.
type sniffer struct {
	mu    sync.Mutex
	sizes map[int]int // bytes of the IP packet -> count
	fd    int
	done  chan struct{}
}

func sniff(t *testing.T, ns netnstest.NS, device string, sourcePort uint16) *sniffer {
	t.Helper()
	s := &sniffer{sizes: map[int]int{}, done: make(chan struct{})}
	var err error
	netnstest.Do(t, ns, func() { s.fd, err = packetSocket(device) })
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	go s.read(sourcePort, stop)
	t.Cleanup(func() {
		close(stop)
		<-s.done
		unix.Close(s.fd)
	})
	return s
}

func packetSocket(device string) (int, error) {
	ip := int(binary.NativeEndian.Uint16([]byte{0x08, 0x00})) // ETH_P_IP in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, ip)
	if err != nil {
		return 0, err
	}
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return 0, err
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(ip), Ifindex: dev.Index})
}

func (s *sniffer) read(sourcePort uint16, stop chan struct{}) {
	defer close(s.done)
	b := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(s.fd, b, 0)
		if err != nil {
			select {
			case <-stop:
				return
			default:
				continue // nothing for 50 ms
			}
		}
		head := int(b[0]&15) * 4
		if n < head+8 || b[9] != unix.IPPROTO_UDP || binary.BigEndian.Uint16(b[head:]) != sourcePort {
			continue
		}
		s.mu.Lock()
		s.sizes[n]++
		s.mu.Unlock()
	}
}

// largest returns the size of the largest datagram so far, and how many there were in all.
func (s *sniffer) largest() (size, count int) {
	<-time.After(100 * time.Millisecond) // what is in the socket's buffer is read within 50 ms
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, c := range s.sizes {
		size, count = max(size, n), count+c
	}
	return size, count
}
