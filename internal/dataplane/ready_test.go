package dataplane

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadyUntilThePinsAreNotItsOwn(t *testing.T) {
	const restart = "restart the node, or run quicedge load --iface IF"
	links := func(l *lab) string { return linkPins(l.cfg.PinDir, "edge0") }
	for _, c := range []struct {
		name string
		mode Mode // for which it can happen; empty: for both
		harm func(l *lab) error
		want string // what to do
	}{
		{"folder removed", "", func(l *lab) error { return os.RemoveAll(l.cfg.PinDir) }, restart},
		{"maps removed", "", func(l *lab) error { return os.RemoveAll(filepath.Join(l.cfg.PinDir, mapsDir)) }, restart},
		{"links folder removed", "", func(l *lab) error { return os.RemoveAll(filepath.Join(l.cfg.PinDir, linksDir)) }, "run quicedge load --iface IF first"},
		{"a link removed", ModeTCX, func(l *lab) error { return os.Remove(filepath.Join(links(l), "egress")) }, restart},
		{"a link detached", ModeTCX, func(l *lab) error { return detach(filepath.Join(links(l), "ingress")) }, restart},
		{"a program removed", ModeClsact, func(l *lab) error { return os.Remove(clsactPin(links(l), hooks()[1])) }, restart},
		{"the qdisc removed", ModeClsact, func(l *lab) error {
			l.onEdge(func(n network, index int) error { return n.QdiscDel(clsactQdisc(index)) })
			return nil
		}, restart},
		{"device gone", "", func(l *lab) error { l.remove("edge0"); return nil }, restart},
		{"loaded anew", "", func(l *lab) error { err := l.unload(); l.mustLoad(testSnapshot(l.t)); return err }, "restart the node, or open it again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inEachMode(t, func(t *testing.T, l *lab) {
				if c.mode != "" && c.mode != l.cfg.Mode {
					return
				}
				loaded := l.mustLoad(testSnapshot(t))
				opened := l.mustOpen()
				if err := errors.Join(loaded.Ready(), opened.Ready()); err != nil {
					t.Fatal(err)
				}
				if err := c.harm(l); err != nil {
					t.Fatal(err)
				}
				for _, p := range []*Plane{loaded, opened} {
					if err := p.Ready(); !errors.Is(err, ErrNotLoaded) || !strings.HasSuffix(err.Error(), c.want) {
						t.Errorf("got %v", err)
					}
				}
			})
		})
	}
}

// Another device's programs do not serve the clients of the one that the node was given.
func TestReadyAsksForTheDeviceThatWasLoaded(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("edge1")
		p := l.mustLoad(testSnapshot(t))
		other := *l
		other.cfg.Interfaces = []string{"edge1"}
		other.mustLoad(testSnapshot(t))
		if err := p.Ready(); err != nil {
			t.Fatal(err)
		}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		if err := p.Ready(); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReadyNeedsNoCapability(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.mustLoad(testSnapshot(t))
		if out, err := l.child(nil, childEnv+"=ready", childCaps+"=="); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
