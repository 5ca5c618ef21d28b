// Package netnstest gives tests network namespaces of their own, with links between them. It needs root: NeedBPF says
// whether a test can go on.
//
//	netnstest.NeedBPF(t)
//	edge, client := netnstest.New(t), netnstest.New(t)
//	netnstest.Veth(t,
//		netnstest.End{NS: edge, Name: "edge0", Addrs: []string{"10.9.0.1/24"}},
//		netnstest.End{NS: client, Name: "client0", Addrs: []string{"10.9.0.2/24"}, MTU: 1372})
//	netnstest.Do(t, edge, func() { conn, err = net.ListenPacket("udp", "10.9.0.1:443") })
//
// A socket stays in the namespace that it was opened in; keep a reference to it, or the garbage collector closes it. No name
// of a namespace appears anywhere: it goes when its handle is closed and its last socket and process are gone.
package netnstest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// NS is a network namespace.
type NS struct{ netns.NsHandle }

// missing is what to call where a privilege is missing: a skip, and in CI a failure.
func missing(t testing.TB) func(format string, args ...any) {
	if os.Getenv("QUICEDGE_REQUIRE_BPF") == "1" {
		return t.Fatalf
	}
	return t.Skipf
}

// NeedBPF skips a test where no BPF may be loaded, and makes sure that there is a BPF file system. With
// QUICEDGE_REQUIRE_BPF=1, as CI sets it, such a place is a failure.
func NeedBPF(t testing.TB) {
	t.Helper()
	give := missing(t)
	if err := features.HaveProgramType(ebpf.SchedCLS); err != nil {
		give("this test loads BPF programs, and may not (run it as root on Linux 6.6 or later): %v", err)
	}
	if err := mountBPFFS(); err != nil {
		give("this test pins BPF objects, and may not (run it as root): %v", err)
	}
}

func mountBPFFS() error {
	const place = "/sys/fs/bpf"
	var st unix.Statfs_t
	if err := unix.Statfs(place, &st); err != nil {
		return err
	}
	if uint32(st.Type) == unix.BPF_FS_MAGIC {
		return nil
	}
	return unix.Mount("bpf", place, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700")
}

// New makes a network namespace with lo up, for as long as the test runs. It skips as NeedBPF does.
func New(t testing.TB) NS {
	t.Helper()
	ns, err := Open()
	if err != nil {
		missing(t)("this test makes network namespaces, and may not (run it as root): %v", err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns
}

// Open makes a network namespace with lo up for what is no test. It goes when it is closed and nothing in it is left.
func Open() (NS, error) {
	var ns NS
	err := onThread(func() (err error) {
		ns.NsHandle, err = netns.New()
		return err
	})
	if err != nil {
		return ns, fmt.Errorf("make a network namespace: %w: run as root", err)
	}
	err = ns.Netlink(func(h *netlink.Handle) error {
		lo, err := h.LinkByName("lo")
		if err != nil {
			return err
		}
		return h.LinkSetUp(lo)
	})
	if err != nil {
		return ns, errors.Join(err, ns.Close())
	}
	return ns, nil
}

// Do runs f on a thread of its own within a namespace, and waits for it. The thread is never used again: what f changes of
// it does not leak. f must not call t.FailNow or what calls it, since it is not the test's goroutine.
func Do(t testing.TB, ns NS, f func()) {
	t.Helper()
	if err := ns.Within(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// Within is Do for what is no test. It returns f's error, or why f was not run.
func (ns NS) Within(f func() error) error {
	return onThread(func() error {
		if err := netns.Set(ns.NsHandle); err != nil {
			return fmt.Errorf("enter a network namespace: %w: run as root", err)
		}
		return f()
	})
}

// onThread runs f on a thread that ends with it: a locked goroutine that is never unlocked takes its thread along.
func onThread(f func() error) error {
	errs := make(chan error)
	go func() {
		runtime.LockOSThread()
		errs <- f()
	}()
	return <-errs
}

// with gives f a netlink handle in a namespace.
func with(t testing.TB, ns NS, f func(*netlink.Handle) error) {
	t.Helper()
	if err := ns.Netlink(f); err != nil {
		t.Fatal(err)
	}
}

// Netlink gives f a netlink handle in the namespace, and returns its error.
func (ns NS) Netlink(f func(*netlink.Handle) error) error {
	h, err := netlink.NewHandleAt(ns.NsHandle, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer h.Close()
	if err := f(h); err != nil {
		return fmt.Errorf("set up the network: %w", err)
	}
	return nil
}
