package dataplane

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// killAtEveryStep runs a child again and again and kills it one step further on each time, until it ends by itself; in short
// tests five steps further on. check is given the step at which it was killed.
func (l *lab) killAtEveryStep(what string, before, check func(step string)) (kills int) {
	l.t.Helper()
	stride := 1
	if testing.Short() {
		stride = 5
	}
	for n := 1; ; n += stride {
		before("")
		out, err := l.child(nil, childEnv+"="+what, childKill+"="+strconv.Itoa(n))
		if err == nil {
			return n - 1
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			l.t.Fatalf("child: %v\n%s", err, out)
		}
		check(strings.TrimSpace(out))
	}
}

// clamps tells what becomes of a datagram that is too large for Heilongjiang, 1500 bytes over IPv4.
func (l *lab) clamps(rx *net.UDPConn) bool {
	l.t.Helper()
	tx := l.dial(harbin4, unix.IP_PMTUDISC_PROBE) // takes no heed of what other sockets have learnt
	defer tx.Close()
	if _, err := tx.Write(make([]byte, 1472)); err != nil {
		l.t.Fatal(err)
	}
	write(l.t, tx, 1)
	if receive(l.t, rx) == 1 {
		return true
	}
	receive(l.t, rx)
	return false
}

func TestKilledFirstLoadLeavesTheOldStateOrTheNew(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		rx := l.listen(harbin4)
		kills := l.killAtEveryStep("load", func(string) { l.clear() }, func(step string) {
			p, err := Open(l.cfg.PinDir)
			loaded := err == nil
			if loaded {
				p.Close()
			} else if !errors.Is(err, ErrNotLoaded) {
				t.Fatalf("killed after %q: %v", step, err)
			}
			if got := l.clamps(rx); got != loaded {
				t.Errorf("killed after %q: loaded %t, clamps %t", step, loaded, got)
			}
			l.mustBeWhole(step, rx)
		})
		if kills < 10 {
			t.Errorf("only %d steps", kills)
		}
	})
}

func TestKilledUpgradeLeavesAStateThatClamps(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		rx := l.listen(harbin4)
		prepare := func(string) {
			l.clear()
			p, err := l.load(testSnapshot(t))
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
		}
		kills := l.killAtEveryStep("load", prepare, func(step string) {
			p, err := Open(l.cfg.PinDir)
			if err != nil {
				t.Fatalf("killed after %q: %v", step, err)
			}
			p.Close()
			if !l.clamps(rx) {
				t.Errorf("killed after %q: does not clamp", step)
			}
			l.mustBeWhole(step, rx)
		})
		if kills < 5 {
			t.Errorf("only %d steps", kills)
		}
	})
}

func TestKilledLoadOfASecondDeviceLeavesTheFirst(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("edge1")
		rx := l.listen(harbin4)
		first, second := l.cfg, l.cfg
		second.Interfaces = []string{"edge1"}
		prepare := func(string) {
			l.clear()
			l.cfg = first
			p, err := l.load(testSnapshot(t))
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			l.cfg = second
		}
		l.killAtEveryStep("load", prepare, func(step string) {
			l.cfg = first
			if !l.clamps(rx) {
				t.Errorf("killed after %q: does not clamp", step)
			}
			l.cfg = second
			if err := l.unload(); err != nil && !errors.Is(err, ErrNotLoaded) {
				t.Errorf("unload the second after a kill after %q: %v", step, err)
			}
			if got := l.attached("edge1"); got != 0 {
				t.Errorf("unloaded the second after a kill after %q: %d programs attached", step, got)
			}
			l.cfg = first
			l.mustBeWhole(step, rx)
		})
	})
}

func TestKilledUnloadLeavesTheOldStateOrNone(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		rx := l.listen(harbin4)
		prepare := func(string) {
			p, err := l.load(testSnapshot(t))
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
		}
		kills := l.killAtEveryStep("unload", prepare, func(step string) {
			p, err := Open(l.cfg.PinDir)
			if err == nil {
				p.Close()
			}
			if got := l.clamps(rx); got != (err == nil) {
				t.Errorf("killed after %q: open says %v, clamps %t", step, err, got)
			}
			l.mustBeWhole(step, rx)
		})
		if kills < 2 {
			t.Errorf("only %d steps", kills)
		}
	})
}

// mustBeWhole loads and unloads: both must work whatever the kill has left, and leave nothing.
func (l *lab) mustBeWhole(step string, rx *net.UDPConn) {
	l.t.Helper()
	p, err := l.load(testSnapshot(l.t))
	if err != nil {
		l.t.Fatalf("load after a kill after %q: %v", step, err)
	}
	p.Close()
	if !l.clamps(rx) {
		l.t.Errorf("loaded after a kill after %q: does not clamp", step)
	}
	if got := l.attached(l.cfg.Interfaces...); got != 2*len(l.cfg.Interfaces) {
		l.t.Errorf("loaded after a kill after %q: %d programs attached, want 2", step, got)
	}
	if err := l.unload(); err != nil {
		l.t.Fatalf("unload after a kill after %q: %v", step, err)
	}
	l.mustBeGone(fmt.Sprintf("after a kill after %q", step), l.cfg.Interfaces...)
}

func (l *lab) mustBeGone(when string, devices ...string) {
	l.t.Helper()
	if got := l.left(); len(got) != 0 {
		l.t.Errorf("%s: pins left: %v", when, got)
	}
	for _, d := range devices {
		if got := l.attached(d); got != 0 {
			l.t.Errorf("%s: %d programs left on %s", when, got, d)
		}
	}
}

// clear makes sure that nothing is loaded.
func (l *lab) clear() {
	l.t.Helper()
	l.inNetwork(func(n network) (err error) {
		for _, dir := range l.left() {
			err = errors.Join(err, n.takeDown(dir))
		}
		return err
	})
}
