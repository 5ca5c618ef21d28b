package dataplane

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (l *lab) inspect(p *Plane) (in Inspection) {
	l.t.Helper()
	var err error
	l.do(func() { in, err = p.Inspect() })
	if err != nil {
		l.t.Fatal(err)
	}
	return in
}

func TestInspectSeesTablesProgramsAndDevices(t *testing.T) {
	l := newLab(t)
	l.cfg.Ports = []uint16{443, 8443}
	snap := testSnapshot(t)
	in := l.inspect(l.mustLoad(snap))
	if in.Tables.IPv4.Prefixes+in.Tables.IPv6.Prefixes != len(snap.Prefixes.Entries()) || in.Tables.Kind != TableDIR || in.Generation != 1 || in.Swapping || in.Memory < 33<<20 {
		t.Errorf("tables: %+v", in)
	}
	if !slices.Equal(in.Ports, l.cfg.Ports) || in.Holder != HeldByNone || len(in.Attachments) != 2 {
		t.Errorf("got %+v", in)
	}
	ids := map[uint32]bool{}
	for _, prog := range in.Programs {
		if prog.Name == "" || prog.ID == 0 || len(prog.Tag) != 16 {
			t.Errorf("program %+v", prog)
		}
		ids[prog.ID] = true
	}
	for _, at := range in.Attachments {
		if !ids[at.ProgramID] || at.Device != DeviceUp || at.Interface != "edge0" {
			t.Errorf("attachment %+v of %v", at, ids)
		}
	}
}

func TestInspectTellsWhereADeviceIs(t *testing.T) {
	l := newLab(t)
	l.wireSpare("edge1")
	l.mustLoad(testSnapshot(t))
	l.cfg.Interfaces = []string{"edge1"}
	p := l.mustLoad(testSnapshot(t))
	states := func() map[string]DeviceState {
		t.Helper()
		all := map[string]DeviceState{}
		for _, at := range l.inspect(p).Attachments {
			all[at.Interface] = at.Device
		}
		return all
	}
	if got := states(); got["edge0"] != DeviceUp || got["edge1"] != DeviceUp {
		t.Errorf("both are up: %v", got)
	}
	l.do(func() {
		dev, err := netlink.LinkByName("edge0")
		if err == nil {
			err = netlink.LinkSetDown(dev)
		}
		if err != nil {
			t.Error(err)
		}
	})
	l.remove("edge1")
	if got := states(); got["edge0"] != DeviceDown || got["edge1"] != DeviceGone {
		t.Errorf("one is down, one is gone: %v", got)
	}
	in, err := p.Inspect() // in the test's own namespace
	if err != nil || in.Attachments[0].Device != DeviceElsewhere {
		t.Errorf("seen from elsewhere: %+v, %v", in.Attachments, err)
	}
}

func TestInspectTellsWhetherANodeHoldsIt(t *testing.T) {
	l := newLab(t)
	held := l.mustHold()
	p, err := Open(l.cfg.PinDir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if own, other := l.inspect(held).Holder, l.inspect(p).Holder; own != HeldByNode || other != HeldByNode {
		t.Errorf("held: %s, %s", own, other)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if got := l.inspect(p).Holder; got != HeldByNone {
		t.Errorf("let go: %s", got)
	}
	lock, err := lockDir(t.Context(), l.cfg.PinDir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.release()
	if got := l.inspect(p).Holder; got != HeldUnsure {
		t.Errorf("while it changes: %s", got)
	}
}

func TestKilledSwapIsSeen(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	g, err := p.generation()
	if err != nil {
		t.Fatal(err)
	}
	g.Digest4 = [32]byte{} // as a swap begins
	if err := p.record(&g); err != nil {
		t.Fatal(err)
	}
	if in := l.inspect(p); !in.Swapping || in.Holder != HeldByNone {
		t.Errorf("got %+v", in)
	}
}

func TestMissingProgramPinHasNoID(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	if err := os.Remove(progPin(l.cfg.PinDir, "qe_egress")); err != nil {
		t.Fatal(err)
	}
	for _, prog := range l.inspect(p).Programs {
		if (prog.ID == 0) != (prog.Name == "qe_egress") {
			t.Errorf("%+v", prog)
		}
	}
}

func TestSettingsAreThoseOfTheLoad(t *testing.T) {
	l := newLab(t)
	l.cfg.MarkMask, l.cfg.PriorityMajor, l.cfg.NoScreen = 0x3ff0000, 0x10, true
	got, err := l.mustLoad(testSnapshot(t)).Settings()
	if err != nil || got != (Settings{NoScreen: true, MarkMask: 0x3ff0000, PriorityMajor: 0x10}) {
		t.Errorf("%+v, %v", got, err)
	}
	l.cfg.MarkMask, l.cfg.PriorityMajor, l.cfg.NoScreen, l.cfg.Silent = 0, 0, false, true
	if got, err := l.mustLoad(testSnapshot(t)).Settings(); err != nil || got != (Settings{Silent: true}) {
		t.Errorf("loaded again: %+v, %v", got, err)
	}
}

func TestRunStatisticsCountRuns(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	on, err := EnableRunStats()
	if err != nil {
		t.Fatal(err)
	}
	defer on.Close()
	conn := l.dial(harbin4, unix.IP_PMTUDISC_DONT)
	write(t, conn, 100)
	for _, prog := range l.inspect(p).Programs {
		if prog.Name == "qe_egress" && (prog.Runs == 0 || prog.RunTime == 0) {
			t.Errorf("it ran: %+v", prog)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Inspect(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
