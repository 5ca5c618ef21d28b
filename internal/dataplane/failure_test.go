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
)

func TestFailedLoadLeavesTheOldState(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
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
			{name: "no such device", cfg: func(c *Config) { c.Interfaces = []string{"eth9"} }, want: ErrNoInterface, text: "edge0"},
			{name: "no device named", cfg: func(c *Config) { c.Interfaces = nil }, text: "such as eth0"},
			{name: "device without ethernet header", cfg: func(c *Config) { c.Interfaces = []string{"tun0"} }, want: ErrUnsupported, text: "tun"},
			{name: "device whose hook is full", cfg: func(c *Config) { c.Interfaces = []string{"full0"} }, text: "egress on full0"},
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
