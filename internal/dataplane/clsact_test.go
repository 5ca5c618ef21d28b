package dataplane

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func clsactLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.cfg.Mode = ModeClsact
	return l
}

// onEdge runs f with the index of the device that clients come in by.
func (l *lab) onEdge(f func(n network, index int) error) {
	l.t.Helper()
	l.inNetwork(func(n network) error {
		dev, err := findDevice("edge0")
		if err != nil {
			return err
		}
		return f(n, dev.index)
	})
}

func (l *lab) hasQdisc() (has bool) {
	l.t.Helper()
	l.onEdge(func(n network, index int) (err error) {
		has, err = n.hasClsact(index)
		return err
	})
	return has
}

func TestQdiscGoesWithItsMaker(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(*lab) // the load
		after  func(*lab)
		stays  bool
	}{
		{"made by the load", func(*lab) {}, func(*lab) {}, false},
		{"made by the load, kept by an upgrade", func(*lab) {}, func(l *lab) { l.mustLoad(testSnapshot(l.t)) }, false},
		{"made by the load, used by others since", func(*lab) {}, func(l *lab) { newOther(l.t.(*testing.T), -1).attachTo(l, "edge0", ModeClsact, 7) }, true},
		{"made by others", func(l *lab) {
			l.onEdge(func(n network, index int) error { return n.QdiscAdd(clsactQdisc(index)) })
		}, func(*lab) {}, true},
		{"made by the load, one filter lost and both attached again", func(*lab) {}, func(l *lab) {
			l.onEdge(func(n network, index int) error {
				all, err := n.filters(index, hooks()[0])
				if err != nil || len(all) != 1 {
					return errors.Join(err, errors.New("no filter"))
				}
				return n.FilterDel(all[0])
			})
			l.mustLoad(testSnapshot(l.t))
			if got := l.attached("edge0"); got != 2 {
				l.t.Errorf("%d programs attached, want 2", got)
			}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := clsactLab(t)
			c.before(l)
			l.mustLoad(testSnapshot(t))
			if !l.hasQdisc() {
				t.Fatal("loaded without a qdisc")
			}
			c.after(l)
			if err := l.unload(); err != nil {
				t.Fatal(err)
			}
			if got := l.hasQdisc(); got != c.stays {
				t.Errorf("the qdisc is there: %t, want %t", got, c.stays)
			}
			if got := l.left(); len(got) != 0 {
				t.Errorf("pins left: %v", got)
			}
		})
	}
}

// Ours comes first where it can, and never takes a place that is another's.
func TestFilterFindsAPlace(t *testing.T) {
	bpf := func(priority, protocol uint16, handle uint32) func(*testing.T, netlink.FilterAttrs) netlink.Filter {
		return func(t *testing.T, at netlink.FilterAttrs) netlink.Filter {
			at.Priority, at.Protocol, at.Handle = priority, protocol, handle
			return &netlink.BpfFilter{FilterAttrs: at, Fd: newOther(t, 0).program.FD(), Name: "foreign", DirectAction: true}
		}
	}
	all := func(priority uint16) func(*testing.T, netlink.FilterAttrs) netlink.Filter {
		return func(_ *testing.T, at netlink.FilterAttrs) netlink.Filter {
			at.Priority = priority
			return &netlink.U32{FilterAttrs: at}
		}
	}
	for _, c := range []struct {
		name     string
		theirs   []func(*testing.T, netlink.FilterAttrs) netlink.Filter
		priority uint16
		handle   uint32
	}{
		{"of nobody", nil, 1, firstHandle},
		{"behind ours", []func(*testing.T, netlink.FilterAttrs) netlink.Filter{all(9)}, 1, firstHandle},
		{"among bpf filters", []func(*testing.T, netlink.FilterAttrs) netlink.Filter{bpf(1, unix.ETH_P_ALL, 1)}, 1, firstHandle},
		{"whose handle is taken", []func(*testing.T, netlink.FilterAttrs) netlink.Filter{bpf(1, unix.ETH_P_ALL, firstHandle)}, 1, firstHandle + 1},
		{"behind another protocol", []func(*testing.T, netlink.FilterAttrs) netlink.Filter{bpf(1, unix.ETH_P_IP, 1)}, 2, firstHandle},
		{"behind other kinds", []func(*testing.T, netlink.FilterAttrs) netlink.Filter{all(2), all(1), bpf(3, unix.ETH_P_ALL, 1)}, 3, firstHandle},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := clsactLab(t)
			egress := hooks()[1]
			l.onEdge(func(n network, index int) error {
				err := n.QdiscAdd(clsactQdisc(index))
				for _, f := range c.theirs {
					at := netlink.FilterAttrs{LinkIndex: index, Parent: egress.parent, Protocol: unix.ETH_P_ALL}
					err = errors.Join(err, n.FilterAdd(f(t, at)))
				}
				return err
			})
			l.mustLoad(testSnapshot(t))
			l.onEdge(func(n network, index int) error {
				found, err := n.filters(index, egress)
				i := slices.IndexFunc(found, func(f netlink.Filter) bool {
					b, ok := f.(*netlink.BpfFilter)
					return ok && b.Name == filterName(egress, l.cfg.PinDir)
				})
				if err != nil || len(found) != len(c.theirs)+1 || i < 0 {
					t.Errorf("filters %v, %v", found, err)
					return nil
				}
				if at := found[i].Attrs(); at.Priority != c.priority || at.Handle != c.handle {
					t.Errorf("priority %d handle %#x, want %d and %#x", at.Priority, at.Handle, c.priority, c.handle)
				}
				return nil
			})
			if err := l.unload(); err != nil {
				t.Fatal(err)
			}
			if got := l.attached("edge0"); got != len(c.theirs) {
				t.Errorf("%d filters left, want %d", got, len(c.theirs))
			}
		})
	}
}

// A filter outlives its pins. Who removed them by hand finds it gone after the next load, or unload.
func TestFilterWithoutPinsIsRemoved(t *testing.T) {
	l := clsactLab(t)
	neighbour := *l
	neighbour.cfg.PinDir += "-beside"
	t.Cleanup(neighbour.cleanUp)
	other := neighbour.mustLoad(testSnapshot(t))
	l.mustLoad(testSnapshot(t))
	if err := os.RemoveAll(l.cfg.PinDir); err != nil {
		t.Fatal(err)
	}
	if got := l.attached("edge0"); got != 4 {
		t.Fatalf("%d filters, want the neighbour's two and two without pins", got)
	}
	p := l.mustLoad(testSnapshot(t))
	if err := errors.Join(p.Ready(), other.Ready()); err != nil || l.attached("edge0") != 4 {
		t.Errorf("loaded again: %d filters, %v", l.attached("edge0"), err)
	}
	if err := os.RemoveAll(l.cfg.PinDir); err != nil {
		t.Fatal(err)
	}
	if err := l.unload(); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("unload: %v", err)
	}
	if err := other.Ready(); err != nil || l.attached("edge0") != 2 {
		t.Errorf("unloaded: %d filters, want the neighbour's, %v", l.attached("edge0"), err)
	}
}

// What was attached in a namespace that is gone, or that is only elsewhere, is given up by the name of its device.
func TestFilterInAnotherNamespaceIsGivenUp(t *testing.T) {
	l, other := clsactLab(t), clsactLab(t)
	l.mustLoad(testSnapshot(t))
	other.cfg.PinDir = l.cfg.PinDir
	if _, err := other.load(testSnapshot(t)); err == nil || !strings.Contains(err.Error(), "quicedge unload --iface edge0") {
		t.Errorf("load: %v", err)
	}
	if err := other.unload(); err != nil {
		t.Fatal(err)
	}
	if l.attached("edge0") != 2 || len(l.left()) != 0 {
		t.Errorf("%d filters, want both: nobody there took them off; pins %v", l.attached("edge0"), l.left())
	}
	if l.clamps(l.listen(harbin4)) {
		t.Error("clamps without its pins")
	}
	other.mustLoad(testSnapshot(t))
}

func TestSiteIsReadAsItIsWritten(t *testing.T) {
	for _, s := range []site{{1, 2, false}, {1<<64 - 1, 1 << 30, true}} {
		if got, ok := parseSite(s.String()); !ok || got != s {
			t.Errorf("%v is read as %v, %t", s, got, ok)
		}
	}
	for _, name := range []string{"", "ingress", "at_", "at_1", "at_1_2_", "at_1_2_3", "at_1_2_made2", "at_-1_2", "at_01_2"} {
		if got, ok := parseSite(name); ok {
			t.Errorf("%q is read as %v", name, got)
		}
	}
}

// A kernel's filters are known by their program: a record that has lost its place still names it.
func TestReadyToldByFilters(t *testing.T) {
	l := clsactLab(t)
	p := l.mustLoad(testSnapshot(t))
	if err := p.Ready(); err != nil {
		t.Fatal(err)
	}
	l.onEdge(func(n network, index int) error { return n.QdiscDel(clsactQdisc(index)) })
	if err := p.Ready(); !errors.Is(err, ErrNotLoaded) || !strings.Contains(err.Error(), "edge0") {
		t.Errorf("without its qdisc: %v", err)
	}
	if got := interfaces(t, p); len(got) != 2 || got[0].Index != 0 || got[0].Mode != ModeClsact {
		t.Errorf("attached %v", got)
	}
	l.mustLoad(testSnapshot(t))
	if err := p.Ready(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(l.cfg.PinDir, linksDir, "edge0", "clsact_egress")); err != nil {
		t.Error(err)
	}
}
