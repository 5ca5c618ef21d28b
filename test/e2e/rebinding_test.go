package e2e

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestRebindingClientsAcrossUpgrades changes the ports of 200 clients of four workers again and again while one process after the other
// takes over: each client has a connection of the first process, and more processes than one retire at the same time.
//
// Each change costs the server one of the client's connection IDs, of which it has three to spare; what brings it others must not be lost
// with the next change each time. So some requests follow each.
func TestRebindingClientsAcrossUpgrades(t *testing.T) { steeredBy(t, rebindAcrossUpgrades) }

func rebindAcrossUpgrades(t *testing.T, iface string) {
	const clients = 200
	n := startWorkers(t, "--iface", iface)
	all := make([]*surfer, clients)
	var next atomic.Int64
	connected, err := each(make([]*roamer, clients), func(*roamer) (err error) {
		all[next.Add(1)-1], err = surf(t, n.ns)
		return err
	})
	if connected != clients {
		t.Fatalf("%d of %d clients connected: %v", connected, clients, err)
	}
	pids := []int{n.cmd.Process.Pid}
	var upgraded atomic.Bool
	var rebound atomic.Int64
	next.Store(0)
	var alive int
	done := make(chan struct{})
	go func() {
		defer close(done)
		alive, err = each(make([]*roamer, clients), func(*roamer) error {
			s := all[next.Add(1)-1]
			for again := true; again; again = !upgraded.Load() {
				if err := errors.Join(s.rebind(), s.get(), s.get(), s.get()); err != nil {
					return err
				}
				rebound.Add(1)
			}
			return nil
		})
	}()
	for range 3 {
		pids = append(pids, n.upgrade())
	}
	upgraded.Store(true)
	<-done
	last, lastErr := each(make([]*roamer, clients), func(*roamer) error { // of those that had ended before the last upgrade had
		s := all[(next.Add(1)-1)%clients]
		return errors.Join(s.rebind(), s.get())
	})
	t.Logf("%d of %d connections live on through 3 upgrades and %d changes of port", min(alive, last), clients, rebound.Load()+int64(last))
	if alive != clients || last != clients {
		t.Errorf("%d, then %d of %d connections live on: %v, %v", alive, last, clients, err, lastErr)
	}
	for _, s := range all {
		s.close()
	}
	for _, pid := range pids[:3] {
		n.gone(pid)
	}
	syscall.Kill(pids[3], syscall.SIGTERM)
	n.gone(pids[3])
}
