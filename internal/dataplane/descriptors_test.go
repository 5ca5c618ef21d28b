package dataplane

import (
	"maps"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"quicedge/internal/netnstest"
)

// descriptors counts the open files of the process by what they are.
func descriptors(t *testing.T) map[string]int {
	t.Helper()
	open := map[string]int{}
	for _, fd := range leftovers("/proc/self/fd", "") {
		if to, err := os.Readlink(fd); err == nil { // the one of the listing itself is gone
			kind, _, _ := strings.Cut(to, ":[") // as in socket:[123]
			open[kind]++
		}
	}
	return open
}

// What was begun closes the files that it opened, however it ends: nothing is left to the garbage collector, which is off.
func TestNoDescriptorIsLeftOpen(t *testing.T) {
	netnstest.NeedBPF(t)
	for _, mode := range modes(t) { // one at a time: they have one process
		t.Run(string(mode), func(t *testing.T) { loadsLeaveNoDescriptor(t, mode) })
	}
}

func loadsLeaveNoDescriptor(t *testing.T, mode Mode) {
	l := newLab(t)
	l.cfg.Mode = mode
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	l.wireSpare("full0")
	l.noRoom("full0")
	good, bad := l.cfg, l.cfg
	bad.Interfaces = []string{"edge0", "full0"}
	load := func(cfg Config, works bool) {
		t.Helper()
		l.cfg = cfg
		p, err := l.load(testSnapshot(t))
		if (err == nil) != works {
			t.Fatalf("load: %v", err)
		}
		if works && p.Close() != nil {
			t.Error("not closed")
		}
	}
	held := good
	held.Hold = true
	round := func() {
		load(bad, false) // a first load
		load(good, true)
		load(good, true)
		load(held, true)
		load(bad, false) // an upgrade
		l.cfg = good
		p := l.mustOpen()
		if _, err := p.Inspect(); err != nil {
			t.Error(err)
		}
		if _, err := p.Settings(); err != nil {
			t.Error(err)
		}
		if _, err := p.Apply(snapshot(t, nil, nil)); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := l.unload(); err != nil {
			t.Error(err)
		}
		if err := l.unload(); err == nil {
			t.Error("unloaded twice")
		}
	}
	round() // what is opened once for the whole process
	before := descriptors(t)
	round()
	if after := descriptors(t); !maps.Equal(after, before) {
		t.Errorf("open files %v, before %v", after, before)
	}
}
