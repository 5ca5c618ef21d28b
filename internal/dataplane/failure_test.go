package dataplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestFailedLoadLeavesTheOldState(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("full0")
		l.tun("free0", unix.ARPHRD_NONE)
		p := l.mustLoad(testSnapshot(t))
		rx := l.listen(harbin4)
		before := interfaces(t, p)
		good := l.cfg
		full := l.noRoom("full0")
		l.tun("radio0", unix.ARPHRD_IEEE80211)
		cancelled, cancel := context.WithCancel(t.Context())
		for _, c := range []struct {
			name string
			cfg  func(*Config)
			ctx  context.Context
			want error
			text string
		}{
			{name: "no such device", cfg: func(c *Config) { c.Interfaces = []string{"eth9"} }, want: ErrNoInterface, text: "edge0"},
			{name: "no device named", cfg: func(c *Config) { c.Interfaces = nil }, text: "such as eth0"},
			{name: "one device of two is missing", cfg: func(c *Config) { c.Interfaces = []string{"edge0", "eth9"} }, want: ErrNoInterface, text: "eth9"},
			{name: "device of unknown headers", cfg: func(c *Config) { c.Interfaces = []string{"radio0"} }, want: ErrUnsupported, text: "radio0: device type tuntap"},
			{name: "device without room", cfg: func(c *Config) { c.Interfaces = []string{"full0"} }, text: full},
			{name: "one device of two without room", cfg: func(c *Config) { c.Interfaces = []string{"free0", "full0"} }, text: full},
			{name: "no such mode", cfg: func(c *Config) { c.Mode = "xdp" }, text: "tcx or clsact"},
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
	})
}

// noRoom makes a device refuse one program more, and returns what the error is to say.
func (l *lab) noRoom(device string) string {
	l.t.Helper()
	if l.cfg.Mode == ModeTCX {
		l.fillEgress(device)
		return "egress on " + device
	}
	l.inNetwork(func(n network) error {
		dev, err := findDevice(device)
		if err != nil {
			return err
		}
		return n.QdiscAdd(&netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: dev.index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_INGRESS}})
	})
	return "ingress qdisc is in its place"
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
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("full0")
		l.noRoom("full0")
		before := l.attached("full0")
		l.cfg.Interfaces = []string{"edge0", "full0"}
		if _, err := l.load(testSnapshot(t)); err == nil {
			t.Fatal("loaded where there is no room")
		}
		l.mustBeGone("failed", "edge0")
		if got := l.attached("full0"); got != before {
			t.Errorf("%d programs on full0, %d before", got, before)
		}
	})
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
