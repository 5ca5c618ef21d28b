package dataplane

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// bothModes is a lab on a kernel that has both ways to attach; nil on one that has no TCX.
func bothModes(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	if len(modes(t)) < 2 {
		t.Logf("Linux %s has clsact alone", release())
		return nil
	}
	return l
}

// For a moment packets meet both, and are counted twice; at no moment do they meet none. The kernel stops a device's queue for
// a moment when it makes or removes a qdisc, and drops what is sent within.
func TestSwitchOfModesLeavesNoGap(t *testing.T) {
	l := bothModes(t)
	if l == nil {
		return
	}
	p := l.mustLoad(testSnapshot(t))
	modes := []Mode{ModeClsact, ModeTCX}
	switches := 20
	if testing.Short() { // in emulation
		switches = 6
	}
	f := l.whileLoading(t, l.dial(harbin4, unix.IP_PMTUDISC_DO), l.listen(harbin4), switches, func(i int) error {
		l.cfg.Mode = modes[i%2]
		return l.reload(t)
	})
	s, err := p.Stats()
	if err != nil || len(s.Classes) != 2 {
		t.Fatal(s.Classes, err)
	}
	for i, went := range []uint64{f.answered, f.sent} { // ingress, egress
		if c := s.Classes[i]; c.Packets < went || c.Packets > 2*went {
			t.Errorf("%s: %d datagrams counted %d times", c.Hook, went, c.Packets)
		}
	}
	if f.lost > uint64(switches) {
		t.Errorf("%d datagrams lost", f.lost)
	}
	t.Logf("%d switches under %d datagrams each way, %d lost, counted %d and %d times", switches, f.sent, f.lost, s.Classes[0].Packets, s.Classes[1].Packets)
	for _, mode := range modes {
		l.cfg.Mode = mode
		l.mustLoad(testSnapshot(t))
		if got := interfaces(t, p); len(got) != 2 || got[0].Mode != mode || got[1].Mode != mode || l.attached("edge0") != 2 {
			t.Errorf("switched to %s: %v, %d programs attached", mode, got, l.attached("edge0"))
		}
	}
	if err := l.unload(); err != nil {
		t.Fatal(err)
	}
	l.mustBeGone("unloaded", "edge0")
}

// A load takes all devices to its own mode, those too that it does not name.
func TestModeIsThatOfTheLastLoad(t *testing.T) {
	l := bothModes(t)
	if l == nil {
		return
	}
	l.wireSpare("edge1")
	l.cfg.Mode = ModeClsact
	p := l.mustLoad(testSnapshot(t))
	l.cfg.Mode, l.cfg.Interfaces = ModeAuto, []string{"edge1"}
	l.mustLoad(testSnapshot(t))
	got := interfaces(t, p)
	if len(got) != 4 || slices.ContainsFunc(got, func(a Attachment) bool { return a.Mode != ModeTCX }) {
		t.Errorf("attached %v", got)
	}
	if l.attached("edge0", "edge1") != 4 {
		t.Errorf("%d programs attached, want 4", l.attached("edge0", "edge1"))
	}
}

func TestKilledSwitchOfModesLeavesAStateThatClamps(t *testing.T) {
	l := bothModes(t)
	if l == nil {
		return
	}
	rx := l.listen(harbin4)
	for _, to := range []Mode{ModeClsact, ModeTCX} {
		from := map[Mode]Mode{ModeClsact: ModeTCX, ModeTCX: ModeClsact}[to]
		prepare := func(string) {
			l.clear()
			l.cfg.Mode = from
			if err := l.reload(t); err != nil {
				t.Fatal(err)
			}
			l.cfg.Mode = to
		}
		kills := l.killAtEveryStep("load", prepare, func(step string) {
			if !l.clamps(rx) {
				t.Errorf("to %s, killed after %q: does not clamp", to, step)
			}
			l.mustBeWhole(step, rx)
		})
		if kills < 10 {
			t.Errorf("to %s: only %d steps", to, kills)
		}
	}
}
