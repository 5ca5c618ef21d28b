package dataplane

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func interfaces(t *testing.T, p *Plane) []Attachment {
	t.Helper()
	all, err := p.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLoadPinsForRootAloneAndUnloadLeavesNothing(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		info, err := os.Stat(l.cfg.PinDir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v, want mode 0700", info.Mode(), err)
		}
		if got := l.attached("edge0"); got != 2 {
			t.Errorf("%d programs attached, want 2", got)
		}
		if ports, err := p.Ports(); err != nil || !slices.Equal(ports, []uint16{443}) {
			t.Errorf("ports %v, %v", ports, err)
		}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "edge0")
		if err := l.unload(); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("unloaded twice: %v", err)
		}
		if _, err := Open(l.cfg.PinDir); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("open: %v", err)
		}
		if _, err := p.Apply(testSnapshot(t)); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("apply: %v", err)
		}
	})
}

func TestOpenSeesWhatAnotherProcessLoaded(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.cfg.Ports = []uint16{8443, 443}
		loaded := interfaces(t, l.mustLoad(testSnapshot(t)))
		p, err := Open(l.cfg.PinDir)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if got := interfaces(t, p); !slices.Equal(got, loaded) || len(got) != 2 {
			t.Errorf("interfaces %v, want %v", got, loaded)
		}
		if ports, err := p.Ports(); err != nil || !slices.Equal(ports, []uint16{443, 8443}) {
			t.Errorf("ports %v, %v", ports, err)
		}
		if m, err := p.Lookup(harbin6); err != nil || m.Class != heilongjiang {
			t.Errorf("%v, %v", m, err)
		}
	})
}

func TestEmptyPinFolderIsReplaced(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		if err := os.Mkdir(l.cfg.PinDir, 0o755); err != nil {
			t.Fatal(err)
		}
		l.mustLoad(testSnapshot(t))
	})
}

func TestLoadWaitsForTheLockAndGivesUp(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.mustLoad(testSnapshot(t))
		lock, err := lockDir(t.Context(), l.cfg.PinDir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		l.do(func() { _, err = Load(ctx, l.cfg, testSnapshot(t)) })
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("got %v", err)
		}
		lock.release()
		l.mustLoad(testSnapshot(t))
	})
}

// Loads that meet, first ones too, all end with one whole state.
func TestConcurrentLoads(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				p, err := l.load(testSnapshot(t))
				if err != nil {
					t.Error(err)
					return
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := l.attached("edge0"); got != 2 || len(l.left()) != 1 {
			t.Errorf("%d programs attached, want 2; %v", got, l.left())
		}
		if !l.clamps(l.listen(harbin4)) {
			t.Error("does not clamp")
		}
	})
}

func TestClosedPlaneSaysSo(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Fatal(err)
		}
		_, statsErr := p.Stats()
		_, lookupErr := p.Lookup(harbin4)
		_, applyErr := p.Apply(testSnapshot(t))
		_, portsErr := p.Ports()
		readyErr := p.Ready()
		for _, err := range []error{statsErr, lookupErr, applyErr, portsErr, readyErr} {
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
	})
}
