package dataplane

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// upgrades is how many loads follow each other under traffic, for each way to attach.
func upgrades() int {
	switch {
	case os.Getenv("QUICEDGE_SOAK") != "":
		return 5000
	case testing.Short():
		return 10
	}
	return 40
}

// Every datagram of a ping-pong is answered, and every one is counted once: at no moment was there no program, or two.
func TestUpgradeUnderTrafficLosesNoDatagram(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		first := interfaces(t, p)
		n := upgrades()
		f := l.whileLoading(t, l.dial(harbin4, unix.IP_PMTUDISC_DO), l.listen(harbin4), n, func(int) error { return l.reload(t) })
		s, err := p.Stats()
		if err != nil {
			t.Fatal(err)
		}
		want := []ClassStats{
			{Class: heilongjiang, Hook: "ingress", Packets: f.answered, Bytes: f.answered * 1228},
			{Class: heilongjiang, Hook: "egress", Packets: f.sent, Bytes: f.sent * 1372},
		}
		if !slices.Equal(s.Classes, want) || f.lost > 0 {
			t.Errorf("lost %d, counted %v, want %v", f.lost, s.Classes, want)
		}
		last := interfaces(t, p)
		for i := range last {
			if last[i].ProgramID == first[i].ProgramID {
				t.Errorf("%v: not replaced", last[i])
			}
		}
		t.Logf("%d upgrades under %d datagrams, %d lost, %d late, each counted once", n, f.sent+f.answered, f.lost, f.late)
	})
}

// Links that were updated before a later step failed run the old programs again.
func TestUpgradeThatFailsLateIsUndone(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
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
	})
}

// An older version did not pin every program.
func TestPinsWithoutAProgramAreRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		before := interfaces(t, p)
		if err := os.Remove(progPin(l.cfg.PinDir, "qe_egress_l3")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.load(testSnapshot(t)); !errors.Is(err, ErrIncompatible) || !strings.Contains(err.Error(), "quicedge unload") {
			t.Errorf("load: %v", err)
		}
		if got := interfaces(t, p); !slices.Equal(got, before) {
			t.Errorf("attached %v, before %v", got, before)
		}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "edge0")
	})
}

func TestPinsOfAnotherLayoutAreRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
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
	})
}
