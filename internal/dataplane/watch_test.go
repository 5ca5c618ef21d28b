package dataplane

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// watch starts Watch in the edge's namespace; it must have ended when the test has.
func (l *lab) watch(p *Plane) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.do(func() { p.Watch(ctx, func(f func()) { f() }) })
	}()
	l.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func TestDeviceThatComesBackIsAttachedAgain(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("edge1")
		l.cfg.Interfaces = []string{"edge0", "edge1"}
		l.cfg.Hold = true
		p := l.mustLoad(testSnapshot(t))
		l.cfg.Hold = false
		l.watch(p)
		for range 3 {
			l.remove("edge0")
			until(t, "the Plane is not ready without its device", func() bool { return errors.Is(p.Ready(), ErrNotLoaded) })
			l.wire("edge0")
			until(t, "the Plane is ready again", func() bool { return p.Ready() == nil })
		}
		if got := l.attached("edge0", "edge1"); got != 4 {
			t.Errorf("%d programs attached, want 4", got)
		}
		for _, at := range interfaces(t, p) {
			if at.Mode != l.cfg.Mode {
				t.Errorf("attached by another way: %v", at)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "edge0", "edge1")
	})
}

// What went before Watch began is seen too.
func TestDeviceThatCameBackBeforeIsAttachedAgain(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		l.remove("edge0")
		l.wire("edge0")
		l.watch(p)
		until(t, "the Plane is ready again", func() bool { return p.Ready() == nil })
		if !l.clamps(l.listen(harbin4)) {
			t.Error("does not clamp")
		}
	})
}

// A device is known by its name: where one was renamed and another has its name now, the other one is attached.
func TestDeviceThatTakesTheNameOfAnotherIsAttached(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		l.watch(p)
		l.do(func() {
			dev, err := netlink.LinkByName("edge0")
			if err == nil {
				err = errors.Join(netlink.LinkSetDown(dev), netlink.LinkSetName(dev, "old0"))
			}
			if err != nil {
				t.Error(err)
			}
		})
		l.wireSpare("edge0")
		until(t, "the device that has the name now has the programs", func() bool { return l.attached("edge0") == 2 && l.attached("old0") == 0 })
		if err := p.Ready(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "edge0", "old0")
	})
}

func TestWatchEndsWithItsPlane(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.do(func() { p.Watch(context.Background(), func(f func()) { f() }) })
	}()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	l.remove("edge0")
	l.wire("edge0")
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("watches on")
	}
}
