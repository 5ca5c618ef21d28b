package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"quicedge/test/lab/link"
)

const (
	wrongly = 1420 // bytes that the table gives
	narrow  = 1300 // that the path carries
)

// narrowed makes the path carry less than the table says, without a word.
func narrowed(p *link.Path) { p.MTU = narrow }

func change(t *testing.T, l *link.Link, s link.Settings) {
	t.Helper()
	if err := l.Change(func(now *link.Settings) { *now = s }); err != nil {
		t.Fatal(err)
	}
}

// settle lets clients come one after the other, each from a network of its own, until the class has an MTU that the path carries, and
// returns how many it took. Each downloads for as long as a search takes.
func (n node) settle(t *testing.T, most int) int {
	t.Helper()
	for i := range most {
		if a := n.learned(t); a.MTU > 0 && a.MTU <= narrow {
			return i
		}
		before := n.learned(t).Samples
		c := n.gather(t, 20+i)
		until(t, "a search that ends", func() bool { return n.learned(t).Samples > before })
		c.leave()
		if c.failed.Load() > 0 {
			t.Errorf("client %d: its handshake failed", i)
		}
	}
	t.Errorf("after %d connections the class has %+v", most, n.learned(t))
	return most
}

// TestWrongTableOfAnUnprovenClass gives a class more than its path carries, before anything of it is known.
func TestWrongTableOfAnUnprovenClass(t *testing.T) {
	t.Parallel()
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: hunan, Settings: short(narrowed)}}})
	n := runNode(t, l, hunan, Node{Rows: []Row{{hunan, wrongly}}})
	if failed, err := together(10, func(i int) error { return n.visit(t, n.client(i)) }); failed > 0 {
		t.Error(err)
	}
	took := n.settle(t, 20)
	p := n.profile(t)
	if p.MTU > narrow || p.Source != "learned" || p.Initial+headers6 > narrow {
		t.Errorf("%+v", p)
	}
	for _, ask := range [][]string{
		{"mtu", "get", "--province", "43", "--isp", "CTCC", "-o", "json"}, {"lookup", Host(Net4(hunan, 63), 9).String(), "-o", "json"}, {"mtu", "learned", "-o", "json"},
	} {
		if out, err := n.command(t, ask...); err != nil || !strings.Contains(out, fmt.Sprintf(`"mtu": %d,`, p.MTU)) {
			t.Errorf("%s says not that the MTU is %d: %v\n%s", strings.Join(ask, " "), p.MTU, err, out)
		}
	}
	t.Logf("table %d, path %d, nothing proven: 0 of 10 handshakes failed; MTU %d after %d connections that downloaded", wrongly, narrow, p.MTU, took)
}

// TestPathThatShrinksAndHeals proves a class at what its table says, makes its path narrower without a word, and wide again.
func TestPathThatShrinksAndHeals(t *testing.T) {
	t.Parallel()
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: hunan, Settings: short(nil)}}})
	n := runNode(t, l, hunan, Node{Rows: []Row{{hunan, wrongly}}})
	proven := n.prove(t).Proven
	if proven <= narrow {
		t.Fatalf("%d bytes proven", proven)
	}
	change(t, l.Link(hunan), short(narrowed))
	failed := 0
	for i := range 6 {
		from := n.client(10 + i)
		if err := n.visit(t, from); err == nil {
			continue
		}
		failed++
		if err := n.visit(t, from); err != nil {
			t.Errorf("client %d tried again: %v", i, err)
		}
		n.idle(t, 100*time.Millisecond) // a look at the evidence
	}
	if failed < 1 || failed > 3 {
		t.Errorf("%d handshakes failed after the path shrank, want 1 to 3", failed)
	}
	took := n.settle(t, 20)
	low := n.profile(t)
	if low.MTU > narrow || low.Source != "learned" {
		t.Errorf("%+v", low)
	}
	change(t, l.Link(hunan), short(nil))
	healed := time.Now()
	until(t, "the table is tried again", func() bool { a := n.learned(t); return a.Probing || a.MTU == 0 })
	tried := time.Since(healed)
	networks := make([]int, took)
	for i := range networks {
		networks[i] = 20 + i
	}
	c := n.gather(t, networks...)
	until(t, "the class has climbed", func() bool {
		p := n.profile(t)
		return p.MTU == wrongly && p.Initial+headers6 >= wrongly-21 && !p.Probing
	})
	c.leave()
	t.Logf("proven at %d, path %d: %d handshakes failed, each succeeded when tried again; MTU %d after %d more connections; healed: tried again after %s, at %d after %d connections",
		proven, narrow, failed, low.MTU, took, tried.Round(time.Millisecond), n.profile(t).Initial+headers6, c.connections.Load())
}
