package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/netnstest"
)

func TestSteeringOpensOnlyWhatIsLoaded(t *testing.T) {
	l := newLab(t)
	plain := t.TempDir()
	for dir, want := range map[string]error{l.cfg.PinDir: ErrNotLoaded, plain: ErrNotLoaded} {
		if _, err := OpenSteering(dir); !errors.Is(err, want) || !strings.Contains(err.Error(), "quicedge load") {
			t.Errorf("%s: %v", dir, err)
		}
	}
	l.mustLoad(testSnapshot(t))
	for _, pin := range []string{
		progPin(l.cfg.PinDir, bpf.DataplaneProgQeFilter), progPin(l.cfg.PinDir, bpf.DataplaneProgQeSteer),
		mapPin(l.cfg.PinDir, bpf.DataplaneMapSteering), mapPin(l.cfg.PinDir, bpf.DataplaneMapSockets),
	} {
		t.Run(pin[strings.LastIndex(pin, "/")+1:], func(t *testing.T) {
			// As an older version would have it: not there.
			aside := l.cfg.PinDir + "/aside"
			if err := os.Rename(pin, aside); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenSteering(l.cfg.PinDir); !errors.Is(err, ErrIncompatible) || !strings.Contains(err.Error(), pin) {
				t.Errorf("got %v", err)
			}
			if err := os.Rename(aside, pin); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := os.Chmod(l.cfg.PinDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSteering(l.cfg.PinDir); err == nil || !strings.Contains(err.Error(), "lets others in") {
		t.Errorf("open to all: %v", err)
	}
}

func TestProgramsOfAnotherKindAreRefused(t *testing.T) {
	l := newLab(t)
	l.mustLoad(testSnapshot(t))
	pin := progPin(l.cfg.PinDir, bpf.DataplaneProgQeSteer)
	if err := errors.Join(os.Remove(pin), os.Rename(progPin(l.cfg.PinDir, bpf.DataplaneProgQeFilter), pin)); err != nil {
		t.Fatal(err)
	}
	p, err := openProgram(l.cfg.PinDir, bpf.DataplaneProgQeSteer, ebpf.SkReuseport)
	if !errors.Is(err, ErrIncompatible) || p != nil {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestUnfitSocketsAreRefused(t *testing.T) {
	l := newSocketLab(t)
	g, err := l.steering.NextGeneration(3)
	if err != nil {
		t.Fatal(err)
	}
	first := l.serve(netip.AddrPortFrom(server4, socketPort))
	if err := g.Join(first, 0); err != nil {
		t.Fatal(err)
	}
	elsewhere := l.serve(netip.AddrPortFrom(server4, socketPort+1))
	alone := l.open(l.edge, net.ListenConfig{}, netip.AddrPortFrom(server4, socketPort+2))
	shut := l.serve(netip.AddrPortFrom(server4, socketPort))
	if err := shut.Close(); err != nil {
		t.Fatal(err)
	}
	second := l.serve(netip.AddrPortFrom(server4, socketPort))
	for _, c := range []struct {
		name   string
		conn   *net.UDPConn
		socket int
		want   string
	}{
		{"number taken", second, 0, "number is taken"},
		{"number too high", second, 3, "sockets 0 to 2"},
		{"number below 0", second, -1, "sockets 0 to 2"},
		{"joined twice", first, 1, "joined already"},
		{"another port", elsewhere, 1, "share their address and port"},
		{"no shared port", alone, 1, "SO_REUSEPORT"},
		{"closed", shut, 1, "closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := g.Join(c.conn, c.socket); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	tcp := l.listenTCP()
	for _, err := range []error{g.Join(tcp, 1), l.steering.AttachFilter(tcp)} {
		if err == nil || !strings.Contains(err.Error(), "not UDP") {
			t.Errorf("tcp: %v", err)
		}
	}
	if err := g.Join(second, 1); err != nil {
		t.Errorf("after all that: %v", err)
	}
	if err := g.Commit(); err == nil || !strings.Contains(err.Error(), "socket 2 has not joined") {
		t.Errorf("commit with two of three: %v", err)
	}
	third := l.serve(netip.AddrPortFrom(server4, socketPort))
	if err := errors.Join(g.Join(third, 2), second.Close()); err != nil {
		t.Fatal(err)
	}
	if err := g.Commit(); err == nil || !strings.Contains(err.Error(), "socket 1 has not joined, or is closed") {
		t.Errorf("commit with one closed: %v", err)
	}
	if state, err := l.steering.State(); err != nil || state != (SteeringState{}) {
		t.Errorf("in force: %+v, %v", state, err)
	}
}

func (l *socketLab) listenTCP() *net.TCPListener {
	l.t.Helper()
	var tcp net.Listener
	var err error
	netnstest.Do(l.t, l.edge, func() { tcp, err = net.Listen("tcp", netip.AddrPortFrom(server4, socketPort).String()) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { tcp.Close() })
	return tcp.(*net.TCPListener)
}

func TestLockedFilterIsNamed(t *testing.T) {
	l := newSocketLab(t)
	conn := l.serve(netip.AddrPortFrom(server4, socketPort))
	if err := l.steering.AttachFilter(conn); err != nil {
		t.Fatal(err)
	}
	setsockopt(t, conn, unix.SOL_SOCKET, unix.SO_LOCK_FILTER, 1)
	if err := l.steering.AttachFilter(conn); err == nil || !strings.Contains(err.Error(), "SO_LOCK_FILTER") {
		t.Errorf("got %v", err)
	}
}

func TestGenerationsComeOneByOne(t *testing.T) {
	f := newFleet(t)
	for _, n := range []int{0, -1, GenerationSockets + 1} {
		if _, err := f.steering.NextGeneration(n); err == nil {
			t.Errorf("a generation of %d sockets", n)
		}
	}
	g := f.start("a", 1)
	if _, err := f.steering.NextGeneration(1); !errors.Is(err, ErrInUse) {
		t.Errorf("two of one process: %v", err)
	}
	other := f.openSteering()
	if _, err := other.NextGeneration(1); !errors.Is(err, ErrInUse) {
		t.Errorf("two of two processes: %v", err)
	}
	if err := g.Commit(); err != nil {
		t.Fatal(err)
	}
	if g.Commit() == nil {
		t.Error("committed twice")
	}
	if err := g.Join(g.conns[0], 0); err == nil || !strings.Contains(err.Error(), "begin another") {
		t.Errorf("joined what was committed: %v", err)
	}
	seen := map[uint8]bool{g.Number(): true}
	f.steering = other
	for _, name := range []string{"b", "c", "d"} {
		seen[f.commit(name, 1).Number()] = true
	}
	if len(seen) != Generations {
		t.Errorf("generations %v, want four", seen)
	}
	if _, err := f.steering.NextGeneration(1); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "drain") {
		t.Errorf("a fifth: %v", err)
	}
	if err := g.conns[0].Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := f.steering.NextGeneration(1); err != nil || again.Number() != g.Number() {
		t.Errorf("after the first has ended: %v", err)
	}
}

func TestScreeningOutlivesAGenerationOfTheSamePort(t *testing.T) {
	f := newFleet(t)
	f.commit("a", 1)
	if err := f.steering.SetScreening(true, true); err != nil {
		t.Fatal(err)
	}
	want := SteeringState{Generation: f.commit("b", 2).Number(), Sockets: 2, Port: socketPort, Tagged: true, Grease: true}
	if got, err := f.steering.State(); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	f.addr = netip.AddrPortFrom(f.addr.Addr(), socketPort+1)
	want = SteeringState{Generation: f.commit("c", 1).Number(), Sockets: 1, Port: socketPort + 1, Grease: true}
	if got, err := f.steering.State(); err != nil || got != want {
		t.Errorf("on another port %+v, %v, want %+v", got, err, want)
	}
}

func TestKeysAreRandom(t *testing.T) {
	seen := make(map[CIDs]bool)
	for range 3 {
		l := newSocketLab(t)
		seen[l.steering.CIDs()] = true
	}
	if len(seen) != 3 || seen[CIDs{}] {
		t.Errorf("keys of three loads: %v", seen)
	}
}
