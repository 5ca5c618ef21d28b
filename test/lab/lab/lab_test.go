package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/sys/unix"

	"quicedge/internal/class"
	"quicedge/test/lab/link"
)

var (
	guangdong = class.Of(44, class.CUCC)
	gansu     = class.Of(62, class.CMCC)
	hunan     = class.Of(43, class.CTCC)
)

const patience = 30 * time.Second

// both is a link with the same path in both directions.
func both(id class.ID, p link.Path) Class {
	return Class{ID: id, Settings: link.Settings{Up: p, Down: p}}
}

func TestClassesAreFoundByTheAddressesOfTheirNetworks(t *testing.T) {
	seen := map[netip.Prefix]class.ID{}
	for _, id := range class.All() {
		prefixes := Prefixes(id)
		for n := range Networks {
			for i, net := range []netip.Prefix{Net4(id, n), Net6(id, n)} {
				if other, taken := seen[net]; taken || !prefixes[i].Overlaps(net) || prefixes[i].Bits() > net.Bits() || !net.Contains(Host(net, 1)) || net != net.Masked() {
					t.Fatalf("network %d of %s is %s: not in %s, or also of %s", n, id, net, prefixes[i], other)
				}
				seen[net] = id
			}
		}
	}
}

// echo answers datagrams at the edge with what came.
func echo(t *testing.T, l *Lab) {
	t.Helper()
	var socket *net.UDPConn
	err := l.Edge.Within(func() (err error) {
		socket, err = net.ListenUDP("udp", &net.UDPAddr{Port: Port})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2000)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if _, err := socket.WriteToUDPAddrPort(b[:n], from); err != nil && !errors.Is(err, syscall.EMSGSIZE) {
				t.Errorf("echo: %v", err)
			}
		}
	}()
	t.Cleanup(func() {
		socket.Close()
		<-ended
	})
}

func TestDatagramsPassBetweenTheKernels(t *testing.T) {
	l := New(t, Config{Seed: 1, Classes: []Class{both(guangdong, link.Path{Delay: 5 * time.Millisecond}), {ID: gansu, Settings: link.Settings{NAT: link.NAT{On: true}}}}})
	echo(t, l)
	for _, id := range []class.ID{guangdong, gansu} {
		for _, from := range []netip.Addr{Host(Net4(id, 3), 7), Host(Net6(id, 3), 7)} {
			socket, err := l.Listen(from)
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			sent, got := bytes.Repeat([]byte("quic"), 300), make([]byte, 2000)
			begun := time.Now()
			if _, err := socket.WriteToUDPAddrPort(sent, EdgeAddr(from)); err != nil {
				t.Fatal(err)
			}
			socket.SetReadDeadline(time.Now().Add(patience))
			n, by, err := socket.ReadFromUDPAddrPort(got)
			if err != nil || !bytes.Equal(got[:n], sent) || netip.AddrPortFrom(by.Addr().Unmap(), by.Port()) != EdgeAddr(from) {
				t.Errorf("%s: %d bytes from %s, %v", from, n, by, err)
			}
			if took := time.Since(begun); id == guangdong && took < 10*time.Millisecond {
				t.Errorf("%s: a round trip of %s, less than the delays of the link", from, took)
			}
		}
		if c := l.Link(id).Counters(link.Down); c.UDP != 2 || c.Carried < 2 {
			t.Errorf("%s: %+v", id, c)
		}
	}
	if n, err := l.Dropped(); n != 0 || err != nil {
		t.Errorf("%d packets lost in the devices, %v", n, err)
	}
}

// TestTCPPasses sends a stream through a link that translates ports, loses some and carries less than the devices.
func TestTCPPasses(t *testing.T) {
	path := link.Path{Delay: time.Millisecond, Loss: 0.005, MTU: 1400, ICMP: true}
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: hunan, Settings: link.Settings{Up: path, Down: path, NAT: link.NAT{On: true}}}}})
	var ln net.Listener
	err := l.Edge.Within(func() (err error) {
		ln, err = net.Listen("tcp", fmt.Sprintf(":%d", Port))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	sent := bytes.Repeat([]byte("tcp!"), 100_000)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		c.Write(sent) // what is missing shows at the other end
		c.Close()
	}()
	var c net.Conn
	err = l.Clients.Within(func() (err error) {
		d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(Host(Net6(hunan, 0), 1), 0))}
		c, err = d.Dial("tcp", EdgeAddr(Host(Net6(hunan, 0), 1)).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes, %v", len(got), len(sent), err)
	}
	if counted := l.Link(hunan).Counters(link.Down); counted.TCP < uint64(len(sent)/1500) || counted.UDP != 0 || counted.Told == 0 {
		t.Errorf("%+v", counted)
	}
}

// TestKernelBelievesTheICMPErrors sends more than the path carries from a socket that heeds the path MTU.
func TestKernelBelievesTheICMPErrors(t *testing.T) {
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: guangdong, Settings: link.Settings{Up: link.Path{MTU: 1300, ICMP: true}}}}})
	for _, tt := range []struct {
		from                     netip.Addr
		level, discover, do, mtu int
	}{
		{Host(Net4(guangdong, 0), 1), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO, unix.IP_MTU},
		{Host(Net6(guangdong, 0), 1), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO, unix.IPV6_MTU},
	} {
		var socket *net.UDPConn
		err := l.Clients.Within(func() (err error) {
			socket, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(tt.from, 0)), net.UDPAddrFromAddrPort(EdgeAddr(tt.from)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		raw, err := socket.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), tt.level, tt.discover, tt.do) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := socket.Write(make([]byte, 1400)); err != nil {
			t.Fatal(err)
		}
		until(t, "the kernel knows the path MTU of "+tt.from.String(), func() bool {
			var mtu int
			raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), tt.level, tt.mtu) })
			return err == nil && mtu == 1300
		})
		socket.Write(nil) // takes the error that the socket has been told
		if _, err := socket.Write(make([]byte, 1400)); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("%s: 1400 bytes again: %v", tt.from, err)
		}
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// folder returns the files that servers serve: some of given sizes.
func folder(t *testing.T, sizes ...int64) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteFiles(dir, sizes...); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startStock(t *testing.T, l *Lab, root string) {
	t.Helper()
	keep(t)(l.Start(t.Context(), exec.Command(filepath.Join(programs, "stock"), "--root", root)))
}

// keep stops a server at the end of the test.
func keep(t *testing.T) func(*Server, error) *Server {
	return func(s *Server, err error) *Server {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				t.Logf("server: %s", s.Log())
			}
		})
		return s
	}
}

func TestStockServesThreeClasses(t *testing.T) {
	slow := link.Path{Delay: 10 * time.Millisecond, Jitter: time.Millisecond, Rate: 20_000_000}
	lossy := slow
	lossy.Loss, lossy.Burst = 0.01, link.Bursts(0.01, 3)
	l := New(t, Config{Seed: 1, Classes: []Class{both(guangdong, slow), both(gansu, lossy), {ID: hunan, Settings: link.Settings{NAT: link.NAT{On: true, Timeout: time.Minute}}}}})
	const size = 300_000
	startStock(t, l, folder(t, size))
	for i, id := range []class.ID{guangdong, gansu, hunan} {
		for _, from := range []netip.Addr{Host(Net4(id, i), 1), Host(Net6(id, i), 1)} {
			f := l.Fetch(t.Context(), from, nil, FileOf(size), patience, nil)
			if f.Err != nil || f.Bytes != size || f.Handshake <= 0 || f.FirstByte < f.Handshake || f.Goodput() <= 0 {
				t.Errorf("%s from %s: %+v", id, from, f)
			}
			t.Logf("%s %s: handshake %s, first byte %s, %.1f Mbit/s", id, from, f.Handshake.Round(time.Millisecond), f.FirstByte.Round(time.Millisecond), f.Goodput()/1e6)
		}
		c := l.Link(id).Counters(link.Down)
		if c.UDP < size/1500 || (c.Lost[link.Random]+c.Lost[link.Bursty] > 0) != (id == gansu) {
			t.Errorf("%s: %+v", id, c)
		}
	}
	if n, err := l.Dropped(); n != 0 || err != nil {
		t.Errorf("%d packets lost in the devices, %v", n, err)
	}
}

func TestDownloadSurvivesRebinding(t *testing.T) {
	const size = 4 << 20
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: hunan, Settings: link.Settings{NAT: link.NAT{On: true}, Down: link.Path{Rate: 40_000_000, Delay: 10 * time.Millisecond}}}}})
	startStock(t, l, folder(t, size))
	rebound := 0
	f := l.Fetch(t.Context(), Host(Net4(hunan, 0), 1), nil, FileOf(size), patience, func(time.Time) {
		if rebound == 0 {
			rebound = l.Link(hunan).Rebind()
		}
	})
	if f.Err != nil || f.Bytes != size || rebound != 1 || l.Link(hunan).Counters(link.Down).Lost[link.NoPort] == 0 {
		t.Errorf("%+v after %d mappings were forgotten, %+v", f, rebound, l.Link(hunan).Counters(link.Down))
	}
}

// TestTunnelProvince is the path of a tunnel, IP MTU 1280 without ICMP: a server with quic-go's defaults starts with packets that are too large, although
// the client starts with 1200 bytes; the node knows the class and fits them.
func TestTunnelProvince(t *testing.T) {
	const clients = 4
	tunnel := both(gansu, link.Path{MTU: 1280, Delay: 10 * time.Millisecond})
	root := folder(t, 1000)
	for _, tt := range []struct {
		name   string
		start  func(*testing.T, *Lab)
		within time.Duration // what a handshake is given, twice
		failed int
	}{
		{"stock", func(t *testing.T, l *Lab) { startStock(t, l, root) }, 2 * time.Second, clients},
		{"node", func(t *testing.T, l *Lab) { startNode(t, l, root, Row{gansu, 1280}) }, patience, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := New(t, Config{Seed: 1, Classes: []Class{tunnel}})
			tt.start(t, l)
			careful := &quic.Config{InitialPacketSize: 1200, DisablePathMTUDiscovery: true, HandshakeIdleTimeout: tt.within}
			failed := make(chan error)
			for i := range clients {
				from := Host(Net4(gansu, i), 1)
				if i%2 == 1 {
					from = Host(Net6(gansu, i), 1)
				}
				go func() { failed <- l.Fetch(t.Context(), from, careful, FileOf(1000), patience, nil).Err }()
			}
			got, last := 0, error(nil)
			for range clients {
				if err := <-failed; err != nil {
					got, last = got+1, err
				}
			}
			c := l.Link(gansu).Counters(link.Down)
			if got != tt.failed || (c.OversizeFirst > 0) != (tt.failed > 0) {
				t.Errorf("%d of %d handshakes failed, want %d (%v); %+v", got, clients, tt.failed, last, c)
			}
		})
	}
}

func startNode(t *testing.T, l *Lab, root string, rows ...Row) {
	t.Helper()
	keep(t)(l.StartNode(t.Context(), Node{Program: filepath.Join(programs, "quicedge"), Folder: t.TempDir(), Root: root, Rows: rows}))
}

func TestServerThatEndsIsAnError(t *testing.T) {
	l := New(t, Config{})
	if s, err := l.Start(t.Context(), exec.Command("false")); err == nil {
		t.Errorf("started: %v", errors.Join(s.Stop()))
	}
}

func TestNodesTablesHoldItsRowsAndEveryClass(t *testing.T) {
	got, err := Table([]Row{{guangdong, 1280}, {hunan, 1300}})
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range map[string]bool{"44,CUCC,1280,": true, "43,CTCC,1300,": true, "44,CUCC,1412,": false, "62,CMCC,1360,": true, "default,any,": true} {
		if bytes.Contains(got, []byte("\n"+row)) != want {
			t.Errorf("row %s there is not %t:\n%s", row, want, got)
		}
	}
	if n := bytes.Count(PrefixTable(), []byte("\n")); n != 1+2*(len(class.All())-1) {
		t.Errorf("%d lines of prefixes", n)
	}
}
