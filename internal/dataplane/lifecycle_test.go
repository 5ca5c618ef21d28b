package dataplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/netnstest"
)

func interfaces(t *testing.T, p *Plane) []Attachment {
	t.Helper()
	all, err := p.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLoadPinsForRootAloneAndUnloadLeavesNothing(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	info, err := os.Stat(l.cfg.PinDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v, want mode 0700", info.Mode(), err)
	}
	if got := l.attached("edge0"); got != 2 {
		t.Errorf("%d programs attached, want 2", got)
	}
	if ports, err := p.Ports(); err != nil || !slices.Equal(ports, []uint16{443}) {
		t.Errorf("ports %v, %v", ports, err)
	}
	if err := l.unload(); err != nil {
		t.Fatal(err)
	}
	l.mustBeGone("unloaded", "edge0")
	if err := l.unload(); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("unloaded twice: %v", err)
	}
	if _, err := Open(l.cfg.PinDir); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("open: %v", err)
	}
	if _, err := p.Apply(testSnapshot(t)); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("apply: %v", err)
	}
}

func TestOpenSeesWhatAnotherProcessLoaded(t *testing.T) {
	l := newLab(t)
	l.cfg.Ports = []uint16{8443, 443}
	loaded := interfaces(t, l.mustLoad(testSnapshot(t)))
	p, err := Open(l.cfg.PinDir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := interfaces(t, p); !slices.Equal(got, loaded) || len(got) != 2 {
		t.Errorf("interfaces %v, want %v", got, loaded)
	}
	if ports, err := p.Ports(); err != nil || !slices.Equal(ports, []uint16{443, 8443}) {
		t.Errorf("ports %v, %v", ports, err)
	}
	if m, err := p.Lookup(harbin6); err != nil || m.Class != heilongjiang {
		t.Errorf("%v, %v", m, err)
	}
}

// Every datagram of a ping-pong is answered, and every one is counted: at no moment was there no program.
func TestUpgradeUnderTrafficLosesNoDatagram(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	rx, tx := l.listen(harbin4), l.dial(harbin4, unix.IP_PMTUDISC_DO)
	first := interfaces(t, p)
	const upgrades = 20
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for range upgrades {
			p, err := l.load(testSnapshot(t))
			if err != nil {
				t.Error(err)
				return
			}
			p.Close()
		}
	})
	sent := uint64(0)
	for running := true; running; sent++ {
		select {
		case <-done:
			running = false
		default:
		}
		write(t, tx, 1344)
		n, from := 0, tx.LocalAddr()
		rx.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, from, err := rx.ReadFrom(make([]byte, 2000))
		if err != nil || n != 1344 {
			t.Fatalf("datagram %d to the client: %d bytes, %v", sent, n, err)
		}
		if _, err := rx.WriteTo(make([]byte, 1200), from); err != nil {
			t.Fatal(err)
		}
		if n := receive(t, tx); n != 1200 {
			t.Fatalf("datagram %d to the edge: %d bytes", sent, n)
		}
	}
	wg.Wait()
	s, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	want := []ClassStats{
		{heilongjiang, "ingress", sent, sent * 1228, 0},
		{heilongjiang, "egress", sent, sent * 1372, 0},
	}
	if !slices.Equal(s.Classes, want) {
		t.Errorf("counted %v, want %v", s.Classes, want)
	}
	last := interfaces(t, p)
	for i := range last {
		if last[i].ProgramID == first[i].ProgramID {
			t.Errorf("%v: not replaced", last[i])
		}
	}
	t.Logf("%d upgrades under %d datagrams each way", upgrades, sent)
}

func TestTwoDevicesShareTheMaps(t *testing.T) {
	l := newLab(t)
	l.wireSpare("edge1.7") // a dot is no name on a BPF file system
	p := l.mustLoad(testSnapshot(t))
	l.cfg.Interface = "edge1.7"
	l.mustLoad(testSnapshot(t))
	got := interfaces(t, p)
	var names []string
	for _, a := range got {
		names = append(names, a.Interface+" "+a.Hook)
	}
	if !slices.Equal(names, []string{"edge0 ingress", "edge0 egress", "edge1.7 ingress", "edge1.7 egress"}) {
		t.Fatalf("attached %v", got)
	}
	if got[0].ProgramID != got[2].ProgramID || got[1].ProgramID != got[3].ProgramID {
		t.Errorf("the devices run different programs: %v", got)
	}
	if err := l.unload(); err != nil {
		t.Fatal(err)
	}
	if l.attached("edge0") != 2 || l.attached("edge1.7") != 0 || len(interfaces(t, p)) != 2 {
		t.Errorf("after one was unloaded: %v", interfaces(t, p))
	}
	if err := l.unload(); !errors.Is(err, ErrNotLoaded) || !strings.Contains(err.Error(), "edge0") {
		t.Errorf("unloaded twice: %v", err)
	}
	l.cfg.Interface = "edge0"
	if err := l.unload(); err != nil {
		t.Fatal(err)
	}
	l.mustBeGone("unloaded", "edge0", "edge1.7")
}

func TestDeviceThatWentAndCameBack(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	old := interfaces(t, p)[0].Index
	l.remove("edge0")
	if got := interfaces(t, p); len(got) != 2 || got[0].Index != 0 {
		t.Errorf("device gone: %v", got)
	}
	l.wire("edge0")
	l.mustLoad(testSnapshot(t))
	if got := interfaces(t, p); len(got) != 2 || got[0].Index == 0 || got[0].Index == old {
		t.Errorf("device back: %v", got)
	}
	if !l.clamps(l.listen(harbin4)) {
		t.Error("device back: does not clamp")
	}
	l.remove("edge0")
	if err := l.unload(); err != nil {
		t.Errorf("unload from a device that is gone: %v", err)
	}
	l.mustBeGone("unloaded")
}

func (l *lab) remove(device string) {
	l.t.Helper()
	l.do(func() {
		dev, err := netlink.LinkByName(device)
		if err == nil {
			err = netlink.LinkDel(dev)
		}
		if err != nil {
			l.t.Error(err)
		}
	})
}

func TestSamePinFolderInAnotherNamespaceIsRefused(t *testing.T) {
	l := newLab(t)
	l.mustLoad(testSnapshot(t))
	other := newLab(t)
	other.cfg.PinDir = l.cfg.PinDir
	if _, err := other.load(testSnapshot(t)); err == nil || !strings.Contains(err.Error(), "network namespace") {
		t.Errorf("got %v", err)
	}
	if l.attached("edge0") != 2 || other.attached("edge0") != 0 {
		t.Errorf("%d programs here, %d there", l.attached("edge0"), other.attached("edge0"))
	}
}

// A foreign program that decides for itself neither hides packets from ours nor is touched by us.
func TestForeignProgramsStay(t *testing.T) {
	l := newLab(t)
	netnstest.NeedBPF(t)
	pass, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, License: "MIT", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer pass.Close()
	l.do(func() {
		dev, err := findDevice("edge0")
		if err != nil {
			t.Error(err)
			return
		}
		foreign, err := link.AttachTCX(link.TCXOptions{Interface: dev.index, Program: pass, Attach: ebpf.AttachTCXEgress})
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { foreign.Close() })
	})
	l.mustLoad(testSnapshot(t))
	if !l.clamps(l.listen(harbin4)) {
		t.Error("does not clamp behind a foreign program")
	}
	if err := l.unload(); err != nil {
		t.Fatal(err)
	}
	if got := l.attached("edge0"); got != 1 {
		t.Errorf("%d programs attached, want the foreign one", got)
	}
}

func TestFailedLoadLeavesTheOldState(t *testing.T) {
	l := newLab(t)
	l.wireSpare("full0")
	p := l.mustLoad(testSnapshot(t))
	rx := l.listen(harbin4)
	before := interfaces(t, p)
	good := l.cfg
	l.fillEgress("full0")
	l.do(func() {
		if err := netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "tun0"}, Mode: netlink.TUNTAP_MODE_TUN}); err != nil {
			t.Error(err)
		}
	})
	cancelled, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		name string
		cfg  func(*Config)
		ctx  context.Context
		want error
		text string
	}{
		{name: "no such device", cfg: func(c *Config) { c.Interface = "eth9" }, want: ErrNoInterface, text: "edge0"},
		{name: "no device named", cfg: func(c *Config) { c.Interface = "" }, text: "such as eth0"},
		{name: "device without ethernet header", cfg: func(c *Config) { c.Interface = "tun0" }, want: ErrUnsupported, text: "tun"},
		{name: "device whose hook is full", cfg: func(c *Config) { c.Interface = "full0" }, text: "egress on full0"},
		{name: "port 0", cfg: func(c *Config) { c.Ports = []uint16{443, 0} }, text: "port 0"},
		{name: "relative pin folder", cfg: func(c *Config) { c.PinDir = "quicedge" }, text: "absolute"},
		{name: "pin folder elsewhere", cfg: func(c *Config) { c.PinDir = t.TempDir() + "/quicedge" }, text: "mount -t bpf"},
		{name: "pin folder with a dot", cfg: func(c *Config) { c.PinDir += ".d" }, text: "dot"},
		{name: "cancelled", cfg: func(c *Config) { c.step = func(string) { cancel() } }, ctx: cancelled, want: context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, ctx := good, t.Context()
			c.cfg(&cfg)
			if c.ctx != nil {
				ctx = c.ctx
			}
			var err error
			l.do(func() { _, err = Load(ctx, cfg, testSnapshot(t)) })
			if err == nil || !strings.Contains(err.Error(), c.text) || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
			if got := interfaces(t, p); !slices.Equal(got, before) {
				t.Errorf("attached %v, before %v", got, before)
			}
			if !l.clamps(rx) {
				t.Error("does not clamp any more")
			}
			if got := leftovers(filepath.Join(good.PinDir, linksDir), staged); len(got) != 0 || len(l.left()) != 1 {
				t.Errorf("left %v, %v", got, l.left())
			}
		})
	}
}

// fillEgress attaches as many programs as the kernel takes.
func (l *lab) fillEgress(device string) {
	l.t.Helper()
	l.do(func() {
		dev, err := findDevice(device)
		if err != nil {
			l.t.Error(err)
			return
		}
		for {
			p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
				Type: ebpf.SchedCLS, License: "MIT", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
			})
			if err != nil {
				l.t.Error(err)
				return
			}
			foreign, err := link.AttachTCX(link.TCXOptions{Interface: dev.index, Program: p, Attach: ebpf.AttachTCXEgress})
			p.Close()
			if err != nil {
				return
			}
			l.t.Cleanup(func() { foreign.Close() })
		}
	})
}

// A first load that fails, too, leaves nothing.
func TestFailedFirstLoadLeavesNothing(t *testing.T) {
	l := newLab(t)
	l.fillEgress("edge0")
	if _, err := l.load(testSnapshot(t)); err == nil {
		t.Fatal("loaded on a full hook")
	}
	if got := l.left(); len(got) != 0 {
		t.Errorf("pins left: %v", got)
	}
	l.do(func() {
		dev, err := findDevice("edge0")
		if err != nil {
			t.Error(err)
			return
		}
		q, err := link.QueryPrograms(link.QueryOptions{Target: dev.index, Attach: ebpf.AttachTCXIngress})
		if err != nil || len(q.Programs) != 0 {
			t.Errorf("%v programs left at ingress, %v", q, err)
		}
	})
}

// Links that were updated before a later step failed run the old programs again.
func TestUpgradeThatFailsLateIsUndone(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	before := interfaces(t, p)
	// The last step fails where the pin of a program cannot be replaced: a folder is in its place.
	pin := progPin(l.cfg.PinDir, bpf.DataplaneProgQeLookup)
	replaced := 0
	l.cfg.step = func(step string) {
		if step != "replaced a program" {
			return
		}
		if replaced++; replaced == 2 {
			if err := errors.Join(os.Remove(pin), os.MkdirAll(filepath.Join(pin, "in the way"), 0o700)); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := l.load(testSnapshot(t)); err == nil {
		t.Fatal("loaded without its pins")
	}
	if got := interfaces(t, p); !slices.Equal(got, before) {
		t.Errorf("attached %v, before %v", got, before)
	}
	if !l.clamps(l.listen(harbin4)) {
		t.Error("does not clamp any more")
	}
}

func TestPinsOfAnotherLayoutAreRefused(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	before := interfaces(t, p)
	other, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 16, MaxEntries: 4096, Flags: unix.BPF_F_MMAPABLE})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	pin := mapPin(l.cfg.PinDir, bpf.DataplaneMapProfiles)
	if err := errors.Join(os.Remove(pin), other.Pin(pin)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.load(testSnapshot(t)); !errors.Is(err, ErrIncompatible) || !strings.Contains(err.Error(), "quicedge unload") {
		t.Errorf("load: %v", err)
	}
	if _, err := Open(l.cfg.PinDir); !errors.Is(err, ErrIncompatible) {
		t.Errorf("open: %v", err)
	}
	if got := interfaces(t, p); !slices.Equal(got, before) {
		t.Errorf("attached %v, before %v", got, before)
	}
	if err := l.unload(); err != nil {
		t.Errorf("unload: %v", err)
	}
	l.mustBeGone("unloaded", "edge0")
}

func TestPinFolderOfOthersIsRefused(t *testing.T) {
	l := newLab(t)
	if err := os.MkdirAll(filepath.Join(l.cfg.PinDir, mapsDir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(l.cfg.PinDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := l.load(testSnapshot(t)); err == nil || !strings.Contains(err.Error(), "0755") {
		t.Errorf("load: %v", err)
	}
	if got := l.attached("edge0"); got != 0 {
		t.Errorf("%d programs attached", got)
	}
}

func TestEmptyPinFolderIsReplaced(t *testing.T) {
	l := newLab(t)
	if err := os.Mkdir(l.cfg.PinDir, 0o755); err != nil {
		t.Fatal(err)
	}
	l.mustLoad(testSnapshot(t))
}

func TestLoadWaitsForTheLockAndGivesUp(t *testing.T) {
	l := newLab(t)
	l.mustLoad(testSnapshot(t))
	lock, err := lockDir(t.Context(), l.cfg.PinDir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	l.do(func() { _, err = Load(ctx, l.cfg, testSnapshot(t)) })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
	lock.release()
	l.mustLoad(testSnapshot(t))
}

// Loads that meet, first ones too, all end with one whole state.
func TestConcurrentLoads(t *testing.T) {
	l := newLab(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, err := l.load(testSnapshot(t))
			if err != nil {
				t.Error(err)
				return
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := l.attached("edge0"); got != 2 || len(l.left()) != 1 {
		t.Errorf("%d programs attached, want 2; %v", got, l.left())
	}
	if !l.clamps(l.listen(harbin4)) {
		t.Error("does not clamp")
	}
}

func TestDefaultInterface(t *testing.T) {
	l := newLab(t)
	var got string
	var err error
	l.do(func() { got, err = DefaultInterface() })
	if !errors.Is(err, ErrNoInterface) {
		t.Errorf("without a default route: %q, %v", got, err)
	}
	l.do(func() {
		dev, ferr := findDevice("edge0")
		err = errors.Join(ferr, netlink.RouteAdd(&netlink.Route{LinkIndex: dev.index, Gw: []byte{10, 9, 0, 2}}))
		if err == nil {
			got, err = DefaultInterface()
		}
	})
	if err != nil || got != "edge0" {
		t.Errorf("with one: %q, %v", got, err)
	}
}

func TestClosedPlaneSaysSo(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	_, statsErr := p.Stats()
	_, lookupErr := p.Lookup(harbin4)
	_, applyErr := p.Apply(testSnapshot(t))
	_, portsErr := p.Ports()
	for _, err := range []error{statsErr, lookupErr, applyErr, portsErr} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}
