package e2e

import (
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"quicedge/internal/netnstest"
)

// fire sends a captured flight from so many ports, for as many workers to get it. A worker that has it already says nothing more.
func (p *patron) fire(flight [][]byte, addr string, ports int) error {
	for range ports {
		var socket net.Conn
		var err error
		netnstest.Do(p.t, p.ns, func() { socket, err = net.Dial("udp4", addr) })
		if err != nil {
			return err
		}
		for _, datagram := range flight {
			if _, err := socket.Write(datagram); err != nil {
				return err
			}
		}
		if err := socket.Close(); err != nil {
			return err
		}
	}
	return nil
}

// TestCapturedFlightRunsOnce sends what a client sent with 0-RTT again and again, to all workers of a node and to each process that takes
// over from another, that follows a stopped one, or one that was killed.
func TestCapturedFlightRunsOnce(t *testing.T) {
	s := newSite(t)
	serve := func() int {
		s.serveAlso(map[string][]byte{"once": []byte(page)}, "--workers", "4", "--video-worker", "/nowhere", "--keep-timeout", "100ms", "--drain-timeout", "100ms")
		return s.cmd.Process.Pid
	}
	pid := serve()
	p := newPatron(t, s.clients)
	if _, err := p.visit(s.addr+":443", "/index.html"); err != nil {
		t.Fatal(err)
	}
	flight, err := p.capture("/once")
	if err != nil {
		t.Fatal(err)
	}
	const ports = 50
	rounds, ran := times(4, 200), 0
	var taken, looks float64
	verdict := func(label string) float64 { return s.count("quicedge_tls_early_data_total", label) }
	for round := range rounds {
		s.until("this process looks at the flight", func() bool {
			if err := p.fire(flight, s.addr+":443", ports); err != nil {
				t.Fatal(err)
			}
			return verdict("") > 0
		})
		if round == 0 {
			s.until("its request runs", func() bool { return s.ran("/once") > 0 })
		}
		taken, looks = taken+verdict("accepted"), looks+verdict("")
		next := pid
		switch round % 4 {
		case 0, 1:
			next = s.upgrade()
		case 2:
			err = syscall.Kill(pid, syscall.SIGTERM)
		default:
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.gone(pid)
		if next == pid {
			ran += s.ran("/once")
			next = serve()
		}
		pid = next
	}
	ran += s.ran("/once")
	t.Logf("at least %d flights: processes looked at %v of them, took %v, and the request ran %d times", rounds*ports, looks, taken, ran)
	if ran != 1 || taken != 1 || looks < float64(rounds) {
		t.Errorf("the request ran %d times, of %v flights that were looked at %v were taken", ran, looks, taken)
	}
}

// ran counts the requests for a path in the access log of the processes since the last start.
func (n *node) ran(path string) (times int) {
	for _, line := range n.requests() {
		if line.Path == path {
			times++
		}
	}
	return times
}

// TestNodesThatShareKeysTakeEachOthersEarlyData has a client get its ticket from one node, and come back to the other.
func TestNodesThatShareKeysTakeEachOthersEarlyData(t *testing.T) {
	here := newSite(t)
	there := place(t, here.ns)
	keys := filepath.Join(t.TempDir(), "keys")
	if code, _, errs := here.exec(exec.Command(program, "keys", "new", keys)); code != 0 {
		t.Fatal(errs)
	}
	here.serve("--ticket-keys", keys, "--video-worker", "/nowhere")
	there.start("--iface", "none", "--listen", ":8443", "--admin", "127.0.0.1:8081", "--ticket-keys", keys, "--video-worker", "/nowhere")
	here.until("the other node, which at first knows nothing of what it took before, takes 0-RTT", func() bool {
		p := newPatron(t, here.clients) // with a ticket of the first node alone
		if _, err := p.visit(here.addr+":443", "/"); err != nil {
			t.Fatal(err)
		}
		state, err := p.visit(here.addr+":8443", "/")
		if err != nil || !state.TLS.DidResume {
			t.Fatalf("resumed %v, %v", state.TLS.DidResume, err)
		}
		return state.Used0RTT
	})
	if got := there.countAt("http://localhost:8081/metrics", "quicedge_tls_early_data_total", "accepted"); got != 1 {
		t.Errorf("the other node counts %v flights", got)
	}
}
