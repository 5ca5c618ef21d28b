package e2e

import (
	"strings"
	"syscall"
	"testing"
)

// TestNoMoreThanThreeProcessesRetire asks for a fourth upgrade while clients of all processes before are there.
func TestNoMoreThanThreeProcessesRetire(t *testing.T) { steeredBy(t, fourthUpgrade) }

func fourthUpgrade(t *testing.T, iface string) {
	n := startWorkers(t, "--iface", iface)
	pids := []int{n.cmd.Process.Pid}
	var clients []*surfer
	for range 4 {
		s, err := surf(t, n.ns)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, s)
		if len(clients) < 4 {
			pids = append(pids, n.upgrade())
		}
	}
	if code, _, errs := n.run("upgrade"); code != 1 || !strings.Contains(errs, "still have") {
		t.Errorf("a fourth upgrade: exit %d, %s", code, errs)
	}
	for i, s := range clients {
		if err := s.get(); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	clients[1].close()
	n.gone(pids[1])
	last := n.upgrade()
	for _, s := range clients {
		s.close()
	}
	for _, pid := range pids {
		n.gone(pid)
	}
	syscall.Kill(last, syscall.SIGTERM)
	n.gone(last)
}
