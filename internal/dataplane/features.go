package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Feature is something of the kernel that the data plane uses.
type Feature struct {
	Name  string // such as "tcx"
	For   string // what uses it
	Since string // the Linux release that brought it
	Err   error  // nil: the kernel has it. ErrUnsupported, ErrNotPermitted where nobody may ask, or why the question failed
}

// Names of the features that stand in for each other.
const (
	FeatureTCX    = "tcx"
	FeatureClsact = "clsact"
)

const featurePrograms = "tc-programs"

// Features asks the kernel for everything that the data plane can use, by loading and making small things that go at once.
func Features() []Feature {
	program := func(kind ebpf.ProgramType) error { return features.HaveProgramType(kind) }
	table := func(kind ebpf.MapType) error { return features.HaveMapType(kind) }
	all := []Feature{
		{featurePrograms, "classing, clamping, screening", "4.1", program(ebpf.SchedCLS)},
		{"array-of-maps", "swapping a prefix table between two packets", "4.12", table(ebpf.ArrayOfMaps)},
		{"mapped-arrays", "profiles that a server reads without a system call", "5.5", features.HaveMapFlag(features.BPF_F_MMAPABLE)},
		{"lpm-trie", "prefix tables of the kind trie", "4.11", table(ebpf.LPMTrie)},
		{"lru-hash", "handshake round-trip times", "4.10", table(ebpf.LRUHash)},
		{"socket-filters", "screening without a tc hook", "3.19", program(ebpf.SocketFilter)},
		{"sk-reuseport", "steering by connection ID", "4.19", program(ebpf.SkReuseport)},
		{"reuseport-arrays", "steering by connection ID", "4.19", table(ebpf.ReusePortSockArray)},
		{FeatureTCX, "attaching without a qdisc", "6.6", haveTCX()},
		{FeatureClsact, "attaching where there is no tcx", "4.5", haveClsact()},
	}
	for i := range all {
		all[i].Err = asked(all[i].Err)
	}
	settleTCX(all)
	return all
}

// settleTCX mends the answer about TCX: a kernel that refuses the question looks like one that does not know it. Who may not load
// programs may not ask.
func settleTCX(all []Feature) {
	refused := slices.IndexFunc(all, func(f Feature) bool { return f.Name == featurePrograms && errors.Is(f.Err, ErrNotPermitted) })
	for i := range all {
		if refused >= 0 && all[i].Name == FeatureTCX && errors.Is(all[i].Err, ErrUnsupported) {
			all[i].Err = all[refused].Err
		}
	}
}

// asked makes the errors of probes those of this package.
func asked(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", ErrNotPermitted, err)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, errors.ErrUnsupported), errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return err
}

// haveTCX asks what is attached to lo: kernels without TCX do not know the question.
func haveTCX() error {
	_, err := link.QueryPrograms(link.QueryOptions{Target: loopback, Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return err
}

// loopback is the index of lo in every network namespace.
const loopback = 1

// haveClsact attaches a program that does nothing to lo of a network namespace that goes with its thread: nothing short of
// it tells whether the kernel has the qdisc and the classifier, or can load them as modules.
func haveClsact() error {
	errs := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and the namespace with it
		errs <- tryClsact()
	}()
	return <-errs
}

func tryClsact() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace to try in: %w", err)
	}
	nothing, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.LoadImm(asm.R0, -1, asm.DWord), asm.Return()},
	})
	if err != nil {
		return err
	}
	defer nothing.Close()
	qdisc := netlink.QdiscAttrs{LinkIndex: loopback, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}
	if err := netlink.QdiscAdd(&netlink.Clsact{QdiscAttrs: qdisc}); err != nil {
		return err
	}
	return netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs:  netlink.FilterAttrs{LinkIndex: loopback, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1},
		Fd:           nothing.FD(),
		Name:         "nothing",
		DirectAction: true,
	})
}
