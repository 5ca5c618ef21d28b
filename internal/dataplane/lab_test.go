package dataplane

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
	"quicedge/internal/path"
)

// lab is an edge and a client behind a link of 1500 bytes, in namespaces of their own, with a pin folder of their own. The
// client has the addresses harbin4 and harbin6.
type lab struct {
	t            testing.TB
	edge, client netnstest.NS
	cfg          Config
}

func newLab(t testing.TB) *lab {
	t.Helper()
	netnstest.NeedBPF(t)
	l := &lab{t: t, edge: netnstest.New(t), client: netnstest.New(t)}
	l.wire("edge0")
	l.cfg = Config{
		PinDir: filepath.Join(bpffsRoot, "quicedge-test-"+strings.ToLower(rand.Text()[:8])), Interfaces: []string{"edge0"},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	t.Cleanup(l.cleanUp)
	return l
}

// wire connects the namespaces through a device of the edge by which the client is reached.
func (l *lab) wire(device string) {
	l.t.Helper()
	netnstest.Veth(l.t,
		netnstest.End{
			NS: l.edge, Name: device, Addrs: []string{"10.9.0.1/24", "fd00::1/64"},
			Routes: []netnstest.Route{{To: "198.51.100.0/24", Via: "10.9.0.2"}, {To: "2001:db8::/32", Via: "fd00::2"}},
		},
		netnstest.End{
			NS: l.client, Name: "client0", Addrs: []string{"10.9.0.2/24", "fd00::2/64", harbin4.String() + "/32", harbin6.String() + "/128"},
		})
}

// wireSpare gives the edge another device, without addresses.
func (l *lab) wireSpare(device string) {
	l.t.Helper()
	netnstest.Veth(l.t, netnstest.End{NS: l.edge, Name: device}, netnstest.End{NS: l.client, Name: "spare0"})
}

// tun gives the edge a device whose packets begin with the IP header, or of any other kind that if_arp.h knows, as long as
// the test runs. What it sends is read from the file, and what is written to the file it takes in.
func (l *lab) tun(name string, kind int) *os.File {
	l.t.Helper()
	var tun *os.File
	l.do(func() {
		err := errors.Join(netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: name}, Mode: netlink.TUNTAP_MODE_TUN, Flags: netlink.TUNTAP_NO_PI}))
		if err == nil {
			tun, err = os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
		}
		var req *unix.Ifreq
		if err == nil {
			req, err = unix.NewIfreq(name)
		}
		if err == nil {
			req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = errors.Join(unix.IoctlIfreq(int(tun.Fd()), unix.TUNSETIFF, req), unix.IoctlSetInt(int(tun.Fd()), unix.TUNSETLINK, kind))
		}
		if err != nil {
			l.t.Errorf("make device %s: %v", name, err)
		}
	})
	l.t.Cleanup(func() { tun.Close() })
	return tun
}

// cleanUp leaves no pin behind, whatever the test has left.
func (l *lab) cleanUp() {
	l.inNetwork(func(n network) error {
		err := errors.Join(n.sweep(l.cfg.PinDir), n.takeDown(l.cfg.PinDir))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
}

// inNetwork runs f with the edge's namespace opened.
func (l *lab) inNetwork(f func(network) error) {
	l.t.Helper()
	l.do(func() {
		n, err := openNetwork()
		if err == nil {
			err = f(n)
			n.close()
		}
		if err != nil {
			l.t.Error(err)
		}
	})
}

// do runs f in the edge's namespace, by the name it will have there.
func (l *lab) do(f func()) { l.t.Helper(); netnstest.Do(l.t, l.edge, f) }

func (l *lab) load(snap *path.Snapshot) (p *Plane, err error) {
	l.t.Helper()
	l.do(func() { p, err = Load(context.Background(), l.cfg, snap) })
	return p, err
}

// mustLoad loads, and closes the Plane when the test ends.
func (l *lab) mustLoad(snap *path.Snapshot) *Plane {
	l.t.Helper()
	p, err := l.load(snap)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { p.Close() })
	return p
}

// mustOpen opens in the edge's namespace, and closes the Plane when the test ends.
func (l *lab) mustOpen() (p *Plane) {
	l.t.Helper()
	var err error
	l.do(func() { p, err = Open(l.cfg.PinDir) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { p.Close() })
	return p
}

func (l *lab) unload() (err error) {
	l.t.Helper()
	l.do(func() { err = Unload(context.Background(), l.cfg) })
	return err
}

// attached counts the programs and filters at both hooks of devices of the edge.
func (l *lab) attached(devices ...string) (n int) {
	l.t.Helper()
	for _, name := range devices {
		l.inNetwork(func(network network) error {
			dev, err := findDevice(name)
			if err != nil {
				return err
			}
			for _, h := range hooks() {
				q, err := link.QueryPrograms(link.QueryOptions{Target: dev.index, Attach: h.attach})
				if err != nil && !errors.Is(err, unix.EINVAL) { // which is all that a kernel without TCX says
					return err
				}
				if err == nil {
					n += len(q.Programs)
				}
				filters, err := network.filters(dev.index, h)
				if err != nil {
					return err
				}
				n += len(filters)
			}
			return nil
		})
	}
	return n
}

// left lists what there is of the pin folder and beside it.
func (l *lab) left() []string {
	return leftovers(filepath.Dir(l.cfg.PinDir), filepath.Base(l.cfg.PinDir))
}

// dial opens a socket from the edge's port 443 to the client, with path MTU discovery as given.
func (l *lab) dial(client netip.Addr, discover int) *net.UDPConn {
	l.t.Helper()
	server, level, opt := server4, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER
	if client.Is6() {
		server, level, opt = server6, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER
	}
	var conn net.Conn
	var err error
	l.do(func() {
		d := net.Dialer{
			LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, 443)),
			Control: func(_, _ string, c syscall.RawConn) error {
				return errors.Join(c.Control(func(fd uintptr) {
					err = errors.Join(unix.SetsockoptInt(int(fd), level, opt, discover), unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
				}), err)
			},
		}
		conn, err = d.Dial("udp", netip.AddrPortFrom(client, 5555).String())
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	return conn.(*net.UDPConn)
}

// listen opens the client's socket.
func (l *lab) listen(client netip.Addr) *net.UDPConn {
	l.t.Helper()
	var conn *net.UDPConn
	var err error
	netnstest.Do(l.t, l.client, func() {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(client, 5555)))
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

// receive reads the size of the next datagram's payload.
func receive(t testing.TB, conn *net.UDPConn) int {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := conn.Read(make([]byte, 1<<16))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sockopt reads a number from a socket.
func sockopt(t testing.TB, conn *net.UDPConn, level, opt int) (n int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) { n, err = unix.GetsockoptInt(int(fd), level, opt) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return n
}

// sendUntilTooLarge sends until the error of an earlier datagram has come back.
func sendUntilTooLarge(t testing.TB, send func() error) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		err := send()
		if errors.Is(err, unix.EMSGSIZE) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("datagrams that are too large are sent for 5 s without an error")
}

// sendAfterErrors sends once the socket has told the errors of earlier datagrams, one a call.
func sendAfterErrors(t testing.TB, send func() error) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		err := send()
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EMSGSIZE) {
			t.Fatal(err)
		}
	}
	t.Fatal("a datagram that fits is refused as too large")
}

// write sends n bytes.
func write(t testing.TB, conn *net.UDPConn, n int) {
	t.Helper()
	sendAfterErrors(t, func() error { _, err := conn.Write(make([]byte, n)); return err })
}
