package quicsrv

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// processIDs are namedIDs of several processes.
type processIDs struct {
	namedIDs
	process uint8
}

func (p processIDs) Process() uint8 { return p.process }

func (p processIDs) New(worker uint8) []byte {
	id := p.namedIDs.New(worker)
	id[7] = p.process
	return id
}

func (p processIDs) Place(id []byte) (process, worker uint8, ok bool) {
	_, worker, ok = p.namedIDs.Place(id)
	return id[7], worker, ok
}

// named answers who a server is, and the client's address.
func named(process uint8) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%d %s", process, r.RemoteAddr) })
}

// copied returns a file as another process would be given it.
func copied(t *testing.T, conn interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// copies returns what another process would be given of a server's sockets.
func copies(t *testing.T, s *Sockets) *Sockets {
	t.Helper()
	var udp []*net.UDPConn
	for _, conn := range s.udp {
		c, err := net.FilePacketConn(copied(t, conn))
		if err != nil {
			t.Fatal(err)
		}
		udp = append(udp, c.(*net.UDPConn))
	}
	l, err := net.FileListener(copied(t, s.tcp))
	if err != nil {
		t.Fatal(err)
	}
	all, err := Adopt(udp, l.(*net.TCPListener), len(udp))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func packetsOf(t *testing.T, f *os.File) *net.UnixConn {
	t.Helper()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.UnixConn)
}

// newWay returns the two ends of one.
func newWay(t *testing.T) (inbox, outlet *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "way")
		ends[i] = packetsOf(t, f)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return ends[0], ends[1]
}

// succeed starts the server of a process, in the place of the one before where there is one.
func succeed(t *testing.T, cert *Certificate, process uint8, before *Server) *Server {
	t.Helper()
	cfg := Config{IDs: processIDs{process: process}, TLS: cert.TLSConfig(), Handler: named(process), Listen: "127.0.0.1:0", Workers: testWorkers}
	var inbox *net.UnixConn
	if before != nil {
		cfg.Sockets, cfg.Waiting, cfg.Ways = copies(t, before.sockets), true, map[uint8]*net.UnixConn{}
		for number, conn := range before.Ways() {
			cfg.Ways[number] = packetsOf(t, copied(t, conn))
		}
		inbox, cfg.Ways[process-1] = newWay(t)
	}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	if before != nil {
		if err := before.Leave(inbox); err != nil {
			t.Fatal(err)
		}
		s.Read()
	}
	return s
}

// answers asks who serves a client whose port changes before.
func (r *roamer) answers(t *testing.T, addr string, want uint8) {
	t.Helper()
	r.conn.rebind(t)
	got, err := r.get(t.Context(), addr)
	var process uint8
	if _, scan := fmt.Sscan(got, &process); err != nil || scan != nil || process != want {
		t.Errorf("process %d was to answer: %q, %v", want, got, err)
	}
}

// TestProcessesShareThePort lets three servers take over from each other. The clients of each stay with it, whatever their ports; when the
// last has ended, the one before has the port again.
func TestProcessesShareThePort(t *testing.T) {
	cert := selfSigned(t)
	var servers []*Server
	var clients [3][]*roamer
	var before *Server
	for process := range uint8(3) {
		before = succeed(t, cert, process, before)
		servers = append(servers, before)
		for range 8 {
			r, err := newRoamer(t, before, cert)
			if err != nil {
				t.Fatal(err)
			}
			r.answers(t, before.Addr().String(), process)
			clients[process] = append(clients[process], r)
		}
	}
	addr := servers[0].Addr().String()
	for process, all := range clients {
		for _, r := range all {
			r.answers(t, addr, uint8(process))
		}
	}
	if ways := servers[2].Ways(); len(ways) != 2 {
		t.Errorf("%d ways lead from the last of three processes", len(ways))
	}
	if err := servers[2].Close(); err != nil {
		t.Fatal(err)
	}
	for process, all := range clients[:2] {
		for _, r := range all {
			r.answers(t, addr, uint8(process))
		}
	}
	r, err := newRoamer(t, servers[1], cert)
	if err != nil {
		t.Fatal(err)
	}
	r.answers(t, addr, 1)
	if err := servers[0].Close(); err != nil {
		t.Fatal(err)
	}
	if ways := servers[1].Ways(); len(ways) != 0 {
		t.Errorf("%d ways lead to processes that have ended", len(ways))
	}
}

func TestRelayedDatagramsKeepTheirSourceAndControlMessages(t *testing.T) {
	for name, from := range map[string]string{"ipv4": "192.0.2.1:443", "ipv6": "[2001:db8::1]:1", "link-local": "[fe80::1%eth0]:9", "mapped": "[::ffff:192.0.2.1]:7"} {
		addr := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from))
		want := datagram{data: []byte("data"), oob: bytes.Repeat([]byte("o"), 255), from: addr}
		whole := appendRelayed(nil, addr.AddrPort(), want)
		if got, err := decodeRelayed(whole); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		for short := range len(whole) - len(want.data) {
			if got, err := decodeRelayed(whole[:short]); err == nil {
				t.Errorf("%s, the first %d bytes of it: %+v", name, short, got)
			}
		}
	}
}

func TestAServerThatTheKernelSteersForLeavesNothing(t *testing.T) {
	s, err := Listen(Config{Listen: "127.0.0.1:0", TLS: selfSigned(t).TLSConfig(), Handler: remote, IDs: namedIDs{}, Steered: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	inbox, _ := newWay(t)
	if err := s.Leave(inbox); err == nil {
		t.Error("no error")
	}
	if len(s.Ways()) != 0 {
		t.Errorf("ways %v", s.Ways())
	}
}

// TestSocketsOfAnotherProcessAreTaken fills up what is given.
func TestSocketsOfAnotherProcessAreTaken(t *testing.T) {
	shared := func(t *testing.T) *Sockets {
		s, err := Bind("127.0.0.1:0", 2)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	alone := func(t *testing.T) *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, c := range map[string]struct {
		udp     func(*testing.T) ([]*net.UDPConn, *net.TCPListener)
		workers int
		want    int // sockets; 0: an error
	}{
		"both, as many workers": {func(t *testing.T) ([]*net.UDPConn, *net.TCPListener) { s := shared(t); return s.udp, s.tcp }, 2, 2},
		"both, more workers":    {func(t *testing.T) ([]*net.UDPConn, *net.TCPListener) { s := shared(t); return s.udp, s.tcp }, 4, 4},
		"both, fewer workers":   {func(t *testing.T) ([]*net.UDPConn, *net.TCPListener) { s := shared(t); return s.udp, s.tcp }, 1, 2},
		"tcp alone": {func(t *testing.T) ([]*net.UDPConn, *net.TCPListener) {
			s := shared(t)
			if err := errors.Join(s.udp[0].Close(), s.udp[1].Close()); err != nil {
				t.Fatal(err)
			}
			return nil, s.tcp
		}, 3, 3},
		"udp alone that shares with nobody": {func(t *testing.T) ([]*net.UDPConn, *net.TCPListener) { return []*net.UDPConn{alone(t)}, nil }, 3, 1},
		"two ports":                         {func(t *testing.T) ([]*net.UDPConn, *net.TCPListener) { return []*net.UDPConn{alone(t), alone(t)}, nil }, 2, 0},
		"nothing":                           {func(t *testing.T) ([]*net.UDPConn, *net.TCPListener) { return nil, nil }, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			udp, tcp := c.udp(t)
			s, err := Adopt(udp, tcp, c.workers)
			if err != nil {
				if c.want != 0 {
					t.Error(err)
				}
				return
			}
			t.Cleanup(func() { _ = s.Close() })
			if len(s.udp) != c.want || s.tcp == nil {
				t.Errorf("%d sockets, tcp %v", len(s.udp), s.tcp)
			}
		})
	}
}
