package dataplane

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// Every datagram of a ping-pong is answered, and every one is counted: at no moment was there no program.
func TestUpgradeUnderTrafficLosesNoDatagram(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
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
			{Class: heilongjiang, Hook: "ingress", Packets: sent, Bytes: sent * 1228},
			{Class: heilongjiang, Hook: "egress", Packets: sent, Bytes: sent * 1372},
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
