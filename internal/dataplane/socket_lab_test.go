package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/class"
	"quicedge/internal/netnstest"
)

// socketPort is none that the programs of a device serve, so that those let everything through to the sockets.
const socketPort = 4433

// socketLab is a lab whose data plane is loaded, with what a server opens of it.
type socketLab struct {
	*lab
	plane    *Plane
	steering *Steering
}

func newSocketLab(t testing.TB) *socketLab {
	t.Helper()
	l := &socketLab{lab: newLab(t)}
	l.plane = l.mustLoad(testSnapshot(t))
	l.steering = l.openSteering()
	return l
}

func (l *socketLab) openSteering() *Steering {
	l.t.Helper()
	s, err := OpenSteering(l.cfg.PinDir)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return s
}

// serve opens a server's socket on a port that it shares.
func (l *socketLab) serve(addr netip.AddrPort) *net.UDPConn {
	l.t.Helper()
	c := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }), err)
	}}
	return l.open(l.edge, c, addr)
}

// client opens a client's socket; port 0 takes any.
func (l *socketLab) clientSocket(addr netip.Addr, port uint16) *net.UDPConn {
	l.t.Helper()
	return l.open(l.client, net.ListenConfig{}, netip.AddrPortFrom(addr, port))
}

func (l *socketLab) open(ns netnstest.NS, c net.ListenConfig, addr netip.AddrPort) *net.UDPConn {
	l.t.Helper()
	var conn net.PacketConn
	var err error
	netnstest.Do(l.t, ns, func() { conn, err = c.ListenPacket(context.Background(), "udp", addr.String()) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			l.t.Error(err)
		}
	})
	return conn.(*net.UDPConn)
}

// setsockopt sets a number on a socket.
func setsockopt(t testing.TB, conn *net.UDPConn, level, opt, value int) {
	t.Helper()
	if err := control(conn, func(fd int) error { return unix.SetsockoptInt(fd, level, opt, value) }); err != nil {
		t.Fatal(err)
	}
}

// sendTo sends a datagram to a server's socket.
func sendTo(t testing.TB, from *net.UDPConn, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

// receiveUntil reads datagrams until one is the last, and returns those before it.
func receiveUntil(t testing.TB, conn *net.UDPConn, last string) (before []string) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 1<<16)
	for {
		n, err := conn.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the last datagram did not come; before it came %d", len(before))
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:n]) == last {
			return before
		}
		before = append(before, string(b[:n]))
	}
}

// exit is a counted exit of a socket program.
type exit struct {
	class  class.ID
	reason bpf.DataplaneReason
}

func (e exit) String() string { return fmt.Sprintf("reason %d of class %s", e.reason, e.class) }

// exits reads what one hook has counted, of the classes that the tables have.
func (l *socketLab) exits(hook bpf.DataplaneHook) map[exit]bpf.DataplaneCounter {
	l.t.Helper()
	all := make(map[exit]bpf.DataplaneCounter)
	for _, id := range testClasses() {
		sum, err := sumStats(l.plane.maps.Stats, statsKey(id, int(hook)))
		if err != nil {
			l.t.Fatal(err)
		}
		for r, c := range sum.Exits {
			if c.Packets > 0 {
				all[exit{id, bpf.DataplaneReason(r)}] = c
			}
		}
	}
	return all
}

// counted is what a hook has counted since before.
func (l *socketLab) counted(hook bpf.DataplaneHook, before map[exit]bpf.DataplaneCounter) map[exit]bpf.DataplaneCounter {
	l.t.Helper()
	since := make(map[exit]bpf.DataplaneCounter)
	for e, c := range l.exits(hook) {
		if d := (bpf.DataplaneCounter{Packets: c.Packets - before[e].Packets, Bytes: c.Bytes - before[e].Bytes}); d.Packets > 0 {
			since[e] = d
		}
	}
	return since
}
