package dataplane

import (
	"io"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// tcpTimestamps are the options of each segment, which Linux takes off the MSS.
const tcpTimestamps = 12

// Both ends of a TCP connection to a server's port send segments that fit the class, and others' do not change.
func TestTCPGetsTheClassesMSSBothWays(t *testing.T) {
	inEachMode(t, testTCPGetsTheClassesMSS)
}

func testTCPGetsTheClassesMSS(t *testing.T, l *lab) {
	p := l.mustLoad(testSnapshot(t))
	for _, c := range []struct {
		name    string
		client  netip.Addr
		port    uint16
		segment int
	}{
		{"ipv4", harbin4, 443, 1372 - 40 - tcpTimestamps},
		{"ipv6", harbin6, 443, 1372 - 60 - tcpTimestamps},
		{"another port, ipv4", harbin4, 8080, 1500 - 40 - tcpTimestamps},
		{"another port, ipv6", harbin6, 8080, 1500 - 60 - tcpTimestamps},
	} {
		t.Run(c.name, func(t *testing.T) {
			edge, client := l.connect(c.client, c.port)
			if got := sendMSS(t, edge); got != c.segment {
				t.Errorf("the edge sends segments of %d bytes, want %d", got, c.segment)
			}
			if got := sendMSS(t, client); got != c.segment {
				t.Errorf("the client sends segments of %d bytes, want %d", got, c.segment)
			}
			exchange(t, edge, client)
			exchange(t, client, edge)
		})
	}
	s, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	clamped := map[string]uint64{}
	for _, cs := range s.Classes {
		if cs.Class != heilongjiang || cs.Packets != 0 {
			t.Errorf("counted %+v", cs)
		}
		clamped[cs.Hook] = cs.MSSClamped
	}
	if clamped["ingress"] < 2 || clamped["egress"] < 2 { // more where the machine is slow, and TCP sends one again
		t.Errorf("%v segments with an MSS that was lowered, want a SYN and a SYN-ACK for each family at least", clamped)
	}
}

// connect is a TCP connection between the client's address and a port of the edge.
func (l *lab) connect(from netip.Addr, port uint16) (edge, client *net.TCPConn) {
	l.t.Helper()
	to := net.TCPAddrFromAddrPort(netip.AddrPortFrom(peer(from), port))
	var ln *net.TCPListener
	var err error
	l.do(func() { ln, err = net.ListenTCP("tcp", to) })
	if err != nil {
		l.t.Fatal(err)
	}
	defer ln.Close()
	netnstest.Do(l.t, l.client, func() { client, err = net.DialTCP("tcp", &net.TCPAddr{IP: from.AsSlice()}, to) })
	if err != nil {
		l.t.Fatal(err)
	}
	if edge, err = ln.AcceptTCP(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { edge.Close(); client.Close() })
	return edge, client
}

// sendMSS is the bytes of payload that a connection puts into a segment.
func sendMSS(t *testing.T, conn *net.TCPConn) (n int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) { n, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return n
}

// exchange sends more than a segment.
func exchange(t *testing.T, from, to net.Conn) {
	t.Helper()
	sent := make([]byte, 10_000)
	if _, err := from.Write(sent); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(to, make([]byte, len(sent))); err != nil {
		t.Fatal(err)
	}
}
