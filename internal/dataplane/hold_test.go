package dataplane

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"quicedge/bpf"
	"quicedge/internal/path"
)

// mustHold loads on a port of its own, so that another's load would show, and keeps the data plane.
func (l *lab) mustHold() *Plane {
	l.t.Helper()
	mine := *l
	mine.cfg.Hold, mine.cfg.Ports = true, []uint16{8443}
	return mine.mustLoad(testSnapshot(l.t))
}

func TestHeldDataPlaneIsRefusedToOthers(t *testing.T) {
	const advice = "in use by a running node: stop it, or give each its own folder with --pin-dir"
	for _, c := range []struct {
		name   string
		before func(*lab)
	}{
		{"from a first load on", func(*lab) {}},
		{"from an upgrade on", func(l *lab) { l.mustLoad(testSnapshot(l.t)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			c.before(l)
			p := l.mustHold()
			held, at := generationOf(t, p), interfaces(t, p)

			_, loadErr := l.load(&path.Snapshot{})
			l.cfg.Hold = true
			_, holdErr := l.load(&path.Snapshot{})
			for _, err := range []error{loadErr, holdErr, l.unload()} {
				if !errors.Is(err, ErrInUse) || !strings.HasSuffix(err.Error(), advice) {
					t.Errorf("got %v", err)
				}
			}
			for _, what := range []string{"load", "unload"} {
				if out, err := l.child(nil, childEnv+"="+what); err == nil || !strings.Contains(out, advice) {
					t.Errorf("%s by another process: %v\n%s", what, err, out)
				}
			}
			l.mustBeAsHeld(p, held, at)

			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			if err := l.unload(); err != nil {
				t.Errorf("unload after close: %v", err)
			}
			l.mustBeGone("unloaded", "edge0")
		})
	}
}

// mustBeAsHeld checks that nobody changed what mustHold loaded.
func (l *lab) mustBeAsHeld(p *Plane, held bpf.DataplaneGeneration, at []Attachment) {
	l.t.Helper()
	if ports, err := p.Ports(); err != nil || !slices.Equal(ports, []uint16{8443}) {
		l.t.Errorf("ports %v, %v, want 8443", ports, err)
	}
	var now bpf.DataplaneGeneration
	if err := p.maps.Generation.Lookup(uint32(0), &now); err != nil || now != held {
		l.t.Errorf("generation %+v, %v, want %+v", now, err, held)
	}
	if all, err := p.Interfaces(); err != nil || !slices.Equal(all, at) {
		l.t.Errorf("attached %v, %v, want %v", all, err, at)
	}
	if err := p.Ready(); err != nil {
		l.t.Error(err)
	}
}

func TestHeldDataPlaneTakesTablesFromOthers(t *testing.T) {
	l := newLab(t)
	p := l.mustHold()
	other, err := Open(l.cfg.PinDir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if mustApply(t, other, &path.Snapshot{}) == 0 {
		t.Error("applied nothing")
	}
	if mustApply(t, p, testSnapshot(t)) == 0 {
		t.Error("the holder applied nothing")
	}
}

func TestHolderThatWasKilledIsTakenOver(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		for range 2 { // a first load, and one over what the first has left
			if out, err := l.child(nil, childEnv+"=hold"); err == nil || err.Error() != "signal: killed" {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := l.attached("edge0"); got != 2 {
				t.Errorf("%d programs attached, want 2", got)
			}
		}
		if err := l.mustHold().Ready(); err != nil {
			t.Error(err)
		}
	})
}

func TestLoadThatFailsHoldsNothing(t *testing.T) {
	l := newLab(t)
	for _, before := range []func(){func() {}, func() { l.mustLoad(testSnapshot(t)) }} {
		before()
		ctx, cancel := context.WithCancel(t.Context())
		cfg := l.cfg
		cfg.Hold, cfg.step = true, func(string) { cancel() }
		var err error
		l.do(func() { _, err = Load(ctx, cfg, testSnapshot(t)) })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		l.mustLoad(testSnapshot(t))
		if err := l.unload(); err != nil {
			t.Error(err)
		}
	}
}

// The one who lost the folder must not take it from the one who has it now.
func TestHoldIsOfTheFolderThatIsThere(t *testing.T) {
	l := newLab(t)
	first := l.mustHold()
	if err := os.RemoveAll(l.cfg.PinDir); err != nil {
		t.Fatal(err)
	}
	second := l.mustHold()
	if err := first.Ready(); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("the first is ready: %v", err)
	}
	if err := errors.Join(first.Close(), l.unload()); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	if err := second.Ready(); err != nil {
		t.Error(err)
	}
}
