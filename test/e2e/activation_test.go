package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// activator opens sockets for a node as systemd does (sd_listen_fds(3)): it keeps them, and says in the environment which they are.
type activator struct {
	*node
	names []string
}

// activate makes a place for a node whose program is told that the descriptors are its own.
func activate(t *testing.T) *activator {
	t.Helper()
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a client here is no *net.UDPConn
	n := place(t, netnstest.New(t))
	script := filepath.Join(t.TempDir(), "started")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nLISTEN_PID=$$ exec "+n.program+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	n.program = script
	return &activator{node: n}
}

// open opens a socket in the node's namespace.
func (a *activator) open(name, network, addr string, share bool) {
	a.t.Helper()
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if !share {
			return nil
		}
		outer := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(outer, err)
	}}
	var err error
	var f *os.File
	netnstest.Do(a.t, a.ns, func() {
		if network == "udp" {
			var conn net.PacketConn
			if conn, err = c.ListenPacket(context.Background(), network, addr); err == nil {
				f, err = conn.(*net.UDPConn).File()
				err = errors.Join(err, conn.Close())
			}
			return
		}
		var l net.Listener
		if l, err = c.Listen(context.Background(), network, addr); err == nil {
			f, err = l.(*net.TCPListener).File()
			err = errors.Join(err, l.Close())
		}
	})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { f.Close() })
	a.files, a.names = append(a.files, f), append(a.names, name)
	a.t.Setenv("LISTEN_FDS", strconv.Itoa(len(a.files)))
	a.t.Setenv("LISTEN_FDNAMES", strings.Join(a.names, ":"))
}

// TestSocketsOfTheServiceManagerAreUsed starts a node on sockets that are not its own, upgrades it, stops it, and lets a client connect
// before the next one is started on the same.
func TestSocketsOfTheServiceManagerAreUsed(t *testing.T) {
	netnstest.NeedBPF(t)
	for name, c := range map[string]struct {
		udp     int // sockets
		share   bool
		workers string
	}{
		"two of four, and more beside them": {2, true, "4, steered by the workers"},
		"one that shares with nobody":       {1, false, "1, steered by the workers"},
		"tcp alone":                         {0, false, "4, steered by the kernel"},
	} {
		t.Run(name, func(t *testing.T) {
			a := activate(t)
			for range c.udp {
				a.open("quicedge.socket", "udp", echoServer, c.share)
			}
			a.open("quicedge.socket", "tcp", echoServer, false)
			a.open("admin", "tcp", "127.0.0.1:8080", false)
			args := []string{"--iface", "lo", "--listen", ":9", "--admin", "127.0.0.1:9", "--workers", "4", "--prefixes", demo, "--video-worker", "/nowhere"}
			a.start(args...)
			if !strings.Contains(a.stdout.String(), c.workers) {
				t.Fatalf("want workers %s:\n%s", c.workers, a.stdout)
			}
			old, err := surf(t, a.ns)
			if err != nil {
				t.Fatal(err)
			}
			pid := a.upgrade()
			fresh, err := surf(t, a.ns)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []*surfer{old, fresh} {
				if err := errors.Join(s.rebind(), s.get()); err != nil {
					t.Error(err)
				}
				s.close()
			}
			if status, _ := a.get("http://localhost:8080/readyz"); status != 200 {
				t.Errorf("the operators' port: %d", status)
			}
			a.gone(a.cmd.Process.Pid)
			syscall.Kill(pid, syscall.SIGTERM)
			a.gone(pid)
			early := make(chan error, 1)
			go func() {
				_, err := surf(t, a.ns)
				early <- err
			}()
			a.start(args...)
			if err := <-early; err != nil && c.udp > 0 {
				t.Errorf("a client that was early: %v", err)
			}
			if code := a.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestSocketsOfTheServiceManagerThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct {
		sockets [][2]string // network and address
		want    string
	}{
		"two for tcp": {[][2]string{{"tcp", "127.0.0.1:443"}, {"tcp", "127.0.0.1:444"}}, "FileDescriptorName"},
		"two ports":   {[][2]string{{"tcp", "127.0.0.1:443"}, {"udp", "127.0.0.1:444"}}, "clients have one address and port"},
	} {
		t.Run(name, func(t *testing.T) {
			a := activate(t)
			for _, s := range c.sockets {
				a.open("quicedge.socket", s[0], s[1], false)
			}
			a.launch("--iface", "none")
			if code := a.wait(); code != 1 || !strings.Contains(a.stderr.String(), c.want) {
				t.Errorf("exit code %d, %s", code, a.stderr)
			}
		})
	}
}
