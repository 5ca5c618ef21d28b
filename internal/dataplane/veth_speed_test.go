package dataplane

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// BenchmarkVeth measures the CPU time of a datagram of 1200 bytes that is sent over a veth pair and received, by one thread,
// without programs and with both on the edge's device. The two take turns, and the median of the ratios counts. What the
// kernel does for the packets in interrupts that end system calls is the thread's, unless it is built to count that apart
// (CONFIG_IRQ_TIME_ACCOUNTING).
func BenchmarkVeth(b *testing.B) {
	for _, family := range []netip.Addr{harbin4, harbin6} {
		for _, segments := range []int{1, 40} {
			for _, from := range []string{"edge", "client"} {
				b.Run(fmt.Sprintf("%s/from %s/%d a call", version(family), from, segments), func(b *testing.B) {
					benchmarkVeth(b, family, from == "edge", segments)
				})
			}
		}
	}
}

func version(a netip.Addr) string {
	if a.Is4() {
		return "ipv4"
	}
	return "ipv6"
}

func benchmarkVeth(b *testing.B, client netip.Addr, fromEdge bool, segments int) {
	l := newLab(b)
	programs := newBench(b, testSnapshot(b), false).programs
	tx, rx := l.wirePair(client, fromEdge, segments)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const calls = 500
	pass := func() float64 {
		return cpuOf(b, func() { carry(b, tx, rx, calls, segments) }) / float64(calls*segments)
	}
	pass() // warm
	var without, with, ratios []float64
	for b.Loop() {
		before := pass()
		detach := l.attachAll("edge0", programs.QeIngress, programs.QeEgress)
		loaded := pass()
		detach()
		after := pass()
		none := (before + after) / 2
		without, with, ratios = append(without, none), append(with, loaded), append(ratios, loaded/none)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(without), "cpu-ns-none")
	b.ReportMetric(median(with), "cpu-ns-loaded")
	b.ReportMetric(median(ratios), "x-none")
}

// attachAll attaches programs to a device of the edge, until they are detached.
func (l *lab) attachAll(name string, ingress, egress *ebpf.Program) (detach func()) {
	l.t.Helper()
	var links [2]link.Link
	var err error
	l.do(func() {
		var dev netlink.Link
		if dev, err = netlink.LinkByName(name); err != nil {
			return
		}
		at := link.TCXOptions{Interface: dev.Attrs().Index, Program: ingress, Attach: ebpf.AttachTCXIngress}
		if links[0], err = link.AttachTCX(at); err != nil {
			return
		}
		at.Program, at.Attach = egress, ebpf.AttachTCXEgress
		links[1], err = link.AttachTCX(at)
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return func() { links[0].Close(); links[1].Close() }
}

// wirePair is a socket that sends to another one at the other end of the link: from the server's port or to it.
func (l *lab) wirePair(client netip.Addr, fromEdge bool, segments int) (tx, rx int) {
	l.t.Helper()
	server := netip.AddrPortFrom(peer(client), 443)
	var err1, err2, err3 error
	l.do(func() { tx, err1 = boundUDP(server) })
	netnstest.Do(l.t, l.client, func() { rx, err2 = boundUDP(netip.AddrPortFrom(client, 5555)) })
	to := netip.AddrPortFrom(client, 5555)
	if !fromEdge {
		tx, rx, to = rx, tx, server
	}
	if err1 == nil && err2 == nil {
		err3 = unix.Connect(tx, sockaddr(to))
	}
	if err1 != nil || err2 != nil || err3 != nil {
		l.t.Fatal(err1, err2, err3)
	}
	l.t.Cleanup(func() { unix.Close(tx); unix.Close(rx) })
	if segments > 1 {
		if err := unix.SetsockoptInt(tx, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 1200); err != nil {
			l.t.Fatal(err)
		}
		if err := unix.SetsockoptInt(rx, unix.IPPROTO_UDP, unix.UDP_GRO, 1); err != nil {
			l.t.Fatal(err)
		}
	}
	return tx, rx
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func boundUDP(a netip.AddrPort) (int, error) {
	family := unix.AF_INET
	if a.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, sockaddr(a))
}

// carry sends and receives as many calls' datagrams.
func carry(b *testing.B, tx, rx, calls, segments int) {
	b.Helper()
	out, in := make([]byte, 1200*segments), make([]byte, 1<<16)
	for i := range segments {
		out[1200*i] = 0x40 // a short header
	}
	for range calls {
		if _, err := unix.Write(tx, out); err != nil {
			b.Fatal(err)
		}
		for got := 0; got < len(out); {
			n, err := unix.Read(rx, in)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
	}
}

// cpuOf is the nanoseconds of CPU time that a function takes of its thread.
func cpuOf(b *testing.B, f func()) float64 {
	b.Helper()
	var before, after unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before); err != nil {
		b.Fatal(err)
	}
	f()
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after); err != nil {
		b.Fatal(err)
	}
	return float64(after.Nano() - before.Nano())
}
