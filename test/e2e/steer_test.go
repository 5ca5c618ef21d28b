package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"quicedge/internal/dataplane"
	"quicedge/internal/netnstest"
	"quicedge/internal/path"
)

const steerSockets = 4

// steerLab is a namespace whose lo has the data plane, and what the servers in it open of that.
type steerLab struct {
	t        *testing.T
	ns       netnstest.NS
	pins     string
	plane    *dataplane.Plane
	steering *dataplane.Steering
}

func newSteerLab(t *testing.T) *steerLab {
	t.Helper()
	netnstest.NeedBPF(t)
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a client here is no *net.UDPConn
	l := &steerLab{t: t, ns: netnstest.New(t)}
	l.pins = place(t, l.ns).pins
	cfg := dataplane.Config{PinDir: l.pins, Interfaces: []string{"lo"}}
	var err error
	netnstest.Do(t, l.ns, func() { l.plane, err = dataplane.Load(context.Background(), cfg, &path.Snapshot{}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		netnstest.Do(t, l.ns, func() { err = errors.Join(l.plane.Close(), dataplane.Unload(context.Background(), cfg)) })
		if err != nil {
			t.Error(err)
		}
	})
	if l.steering, err = dataplane.OpenSteering(cfg.PinDir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.steering.Close() })
	return l
}

// join steers a server, whose connection IDs are all tagged: its sockets drop short headers with others.
func (l *steerLab) join(g *dataplane.Generation, s *quicServer) {
	l.t.Helper()
	var errs []error
	for i, conn := range s.conns {
		errs = append(errs, l.steering.AttachFilter(conn), g.Join(conn, i))
	}
	if err := errors.Join(append(errs, g.Commit(), l.steering.SetScreening(true, false))...); err != nil {
		l.t.Fatal(err)
	}
}

// next starts a server in a generation of its own.
func (l *steerLab) next(name string) *quicServer {
	l.t.Helper()
	g, err := l.steering.NextGeneration(steerSockets)
	if err != nil {
		l.t.Fatal(err)
	}
	s := l.serve(name, g.Number())
	l.join(g, s)
	return s
}

// reasons sums what a hook has counted over the classes.
func (l *steerLab) reasons(hook string) map[string]uint64 {
	l.t.Helper()
	stats, err := l.plane.Stats()
	if err != nil {
		l.t.Fatal(err)
	}
	sum := make(map[string]uint64)
	for _, r := range stats.Reasons {
		if r.Hook == hook {
			sum[r.Reason] += r.Packets
		}
	}
	return sum
}

// each calls f for every client, for many at once, and returns how many calls succeeded, and an error of the others. A
// listener of quic-go refuses connections where more than 32 wait for Accept.
func each(clients []*roamer, f func(*roamer) error) (succeeded int, first error) {
	var n atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	turns := make(chan struct{}, 32)
	for _, c := range clients {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			if err := f(c); err != nil {
				once.Do(func() { first = err })
				return
			}
			n.Add(1)
		})
	}
	wg.Wait()
	return int(n.Load()), first
}

// echoedBy asks for an echo, and for the server that it comes from.
func echoedBy(name string) func(*roamer) error {
	return func(r *roamer) error {
		got, err := r.echo()
		if err == nil && got != name {
			return fmt.Errorf("%s answered instead of %s", got, name)
		}
		return err
	}
}

// roamed is echoedBy after the client's port has changed, as a NAT changes it.
func roamed(name string) func(*roamer) error {
	return func(r *roamer) error {
		if err := r.rebind(); err != nil {
			return err
		}
		return echoedBy(name)(r)
	}
}

// TestConnectionsOutliveNATRebinding changes the ports of 200 clients of a server with four sockets, with and without steering.
func TestConnectionsOutliveNATRebinding(t *testing.T) {
	const clients = 200
	t.Run("steered", func(t *testing.T) {
		l := newSteerLab(t)
		l.next("a")
		all := l.clients(clients)
		for round := range 2 {
			n, err := each(all, roamed("a"))
			t.Logf("round %d: %d of %d connections live on", round, n, clients)
			if n != clients {
				t.Errorf("round %d: %d of %d connections live on: %v", round, n, clients, err)
			}
		}
		t.Logf("at the choice of socket %v, at the sockets %v", l.reasons("reuseport"), l.reasons("socket"))
		if dropped := l.reasons("socket"); len(dropped) != 1 || dropped["pass"] == 0 {
			t.Errorf("the filter counted %v, want all to pass", dropped)
		}
	})
	t.Run("by the kernel's hash", func(t *testing.T) {
		l := newSteerLab(t)
		l.serve("a", 0)
		n, _ := each(l.clients(clients), roamed("a"))
		t.Logf("%d of %d connections live on", n, clients)
		if n == clients {
			t.Error("all connections live on without steering: this test shows nothing")
		}
	})
}

// TestANewServerTakesOverWithoutLosingConnections is a restart: old connections stay with the old process until it ends.
func TestANewServerTakesOverWithoutLosingConnections(t *testing.T) {
	const clients = 40
	l := newSteerLab(t)
	a := l.next("a")
	old := l.clients(clients)
	b := l.next("b")
	fresh := l.clients(clients)
	for name, of := range map[string][]*roamer{"a": old, "b": fresh} {
		for _, what := range []func(string) func(*roamer) error{echoedBy, roamed} {
			if n, err := each(of, what(name)); n != clients {
				t.Errorf("%d of %d connections stay with %s: %v", n, clients, name, err)
			}
		}
	}
	if n := l.reasons("reuseport")["steered-gone"]; n != 0 {
		t.Errorf("%d datagrams for sockets that are gone", n)
	}
	if a.accepted.Load() != clients || b.accepted.Load() != clients {
		t.Errorf("a accepted %d, b %d connections, want %d each", a.accepted.Load(), b.accepted.Load(), clients)
	}

	a.kill()
	n, err := each(old, echoedBy("a"))
	if n != 0 || err == nil || !strings.Contains(err.Error(), "stateless reset") {
		t.Errorf("%d connections outlived their server, others ended with %v: want them reset by the new one", n, err)
	}
	if l.reasons("reuseport")["steered-gone"] == 0 {
		t.Errorf("counted %v, want some for sockets that are gone", l.reasons("reuseport"))
	}
	if n, err := each(fresh, roamed("b")); n != clients {
		t.Errorf("%d of %d connections live on after the old server has ended: %v", n, clients, err)
	}
}

// clients connects so many.
func (l *steerLab) clients(n int) []*roamer {
	l.t.Helper()
	all := make([]*roamer, n)
	for i := range all {
		all[i] = &roamer{lab: l}
		if err := all[i].rebind(); err != nil {
			l.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	if connected, err := each(all, func(r *roamer) error { return r.connect(ctx) }); connected != n {
		l.t.Fatalf("%d of %d clients connected: %v", connected, n, err)
	}
	l.t.Cleanup(func() {
		for _, r := range all {
			r.close()
		}
	})
	return all
}

// listenIn opens a UDP socket in the lab's namespace.
func (l *steerLab) listenIn(c net.ListenConfig, addr string) (conn *net.UDPConn, err error) {
	l.t.Helper()
	netnstest.Do(l.t, l.ns, func() {
		var p net.PacketConn
		if p, err = c.ListenPacket(context.Background(), "udp", addr); err == nil {
			conn = p.(*net.UDPConn)
		}
	})
	return conn, err
}
