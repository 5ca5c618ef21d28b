package main

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/dataplane"
	"quicedge/internal/netnstest"
)

// live is a command line with a data plane of its own on lo of a network namespace of its own. There 127.0.0.1 is of
// Heilongjiang, OTHER.
type live struct {
	*cli
	ns netnstest.NS
}

func newLive(t *testing.T) *live {
	t.Helper()
	netnstest.NeedBPF(t)
	l := &live{newCLI(t), netnstest.New(t)}
	l.pins = filepath.Join("/sys/fs/bpf", "quicedge-cli-"+strings.ToLower(rand.Text()[:8]))
	t.Cleanup(func() {
		netnstest.Do(t, l.ns, func() {
			err := dataplane.Unload(context.Background(), dataplane.Config{PinDir: l.pins, Interfaces: []string{"lo"}})
			if _, left := os.Stat(l.pins); left == nil {
				t.Errorf("pins are left: %v", err)
			}
		})
	})
	return l
}

// run runs a command in the namespace.
func (l *live) run(args ...string) (code int, stdout, stderr string) {
	l.t.Helper()
	netnstest.Do(l.t, l.ns, func() { code, stdout, stderr = l.cli.run(args...) })
	return code, stdout, stderr
}

// runWithout runs a command on a thread without a capability. It ends with the command.
func (l *live) runWithout(c cap.Value, args ...string) (code int, stdout, stderr string) {
	l.t.Helper()
	var err error
	netnstest.Do(l.t, l.ns, func() {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err = unix.Capget(&header, &data[0]); err == nil {
			data[c/32].Effective &^= 1 << (c % 32)
			err = unix.Capset(&header, &data[0])
		}
		code, stdout, stderr = l.cli.run(args...)
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return code, stdout, stderr
}

func (l *live) mustRun(args ...string) string {
	l.t.Helper()
	code, out, errs := l.run(args...)
	if code != exitOK {
		l.t.Fatalf("%v: exit %d, %s", args, code, errs)
	}
	return out
}

func (l *live) load(args ...string) {
	l.t.Helper()
	l.mustRun(append([]string{"load", "--iface", "lo", "--prefixes", demo}, args...)...)
}

// send sends datagrams of 100 bytes from port 443 to a client on loopback.
func (l *live) send(n int) {
	l.t.Helper()
	var conn net.Conn
	var err error
	netnstest.Do(l.t, l.ns, func() {
		conn, err = net.DialUDP("udp4", &net.UDPAddr{Port: 443}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4500})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	for range n {
		for conn.SetDeadline(time.Time{}); ; { // an ICMP error that came for the last one is told first
			if _, err := conn.Write(make([]byte, 100)); err == nil {
				break
			}
		}
	}
}

// ticking makes the next command's clock tick n times, with traffic before each tick, and no tick before the output of the
// one before it. The output is to be one write a tick.
func (l *live) ticking(n int, traffic func()) {
	printed := make(chan struct{}, n)
	l.printed = printed
	l.clock = func(every time.Duration) (<-chan time.Time, func()) {
		ticks, stop := make(chan time.Time), make(chan struct{})
		go func() {
			for i := range n {
				traffic()
				select {
				case ticks <- began.Add(time.Duration(i+1) * every):
				case <-stop:
					return
				}
				select {
				case <-printed:
				case <-stop:
					return
				}
			}
		}()
		return ticks, func() { close(stop) }
	}
}

func TestDevicesAreNamedOnce(t *testing.T) {
	l := newLive(t)
	for _, iface := range []string{"", ",", " "} {
		for _, command := range []string{"load", "unload"} {
			if code, _, errs := l.run(command, "--iface", iface); code != exitUsage || !strings.Contains(errs, "--iface is empty: name the device") {
				t.Errorf("%s --iface %q: exit %d, %s", command, iface, code, errs)
			}
		}
	}
	code, out, errs := l.run("load", "--iface", "lo, lo", "-o", "json", "--prefixes", demo)
	if got := decode[loaded](t, out); code != exitOK || len(got.Interfaces) != 1 || got.Interface != "lo" || errs != "" {
		t.Errorf("exit %d: %+v %s", code, got, errs)
	}
	if code, out, errs := l.run("load", "--iface", "lo"); code != exitOK || !strings.Contains(out, "0 prefixes") || !strings.Contains(errs, "warning: no prefixes") {
		t.Errorf("exit %d: %s %s", code, out, errs)
	}
}
