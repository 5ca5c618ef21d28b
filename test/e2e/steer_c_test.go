package e2e

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"quicedge/internal/netnstest"
)

// TestAServerInCIsSteered compiles the example, lets it join, and finds its sockets from other ports by the connection IDs
// that it made.
func TestAServerInCIsSteered(t *testing.T) {
	l := newSteerLab(t)
	binary := filepath.Join(t.TempDir(), "steered_server")
	cc := exec.Command("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-I", "../../bpf", "-o", binary, "../../examples/steered_server.c")
	if out, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("compile the example: %v\n%s", err, out)
	}
	for generation, sockets := range []int{3, 4} { // the second takes over from the first
		cids := l.startC(binary, sockets)
		state, err := l.steering.State()
		if err != nil || int(state.Generation) != generation+1 || int(state.Sockets) != sockets || state.Port != 443 || !state.Tagged {
			t.Fatalf("in force: %+v, %v", state, err)
		}
		for socket, cid := range cids {
			if g, s, ok := l.steering.CIDs().Parse(cid); !ok || g != state.Generation || int(s) != socket {
				t.Errorf("%x names generation %d, socket %d, %v; want %d, %d", cid, g, s, ok, state.Generation, socket)
			}
			for range 5 {
				if got := l.ask(append([]byte{0x40}, cid...)); got != strconv.Itoa(socket) {
					t.Errorf("socket %s answered instead of %d", got, socket)
				}
			}
		}
	}
	if reasons := l.reasons("reuseport"); len(reasons) != 1 || reasons["steered"] != 5*(3+4) {
		t.Errorf("counted %v, want only steered ones", reasons)
	}
}

// startC starts the example and returns a connection ID of each of its sockets.
func (l *steerLab) startC(binary string, sockets int) (cids [][]byte) {
	l.t.Helper()
	cmd := exec.Command(binary, l.pins, "443", strconv.Itoa(sockets))
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	var errs buffer
	cmd.Stderr = &errs
	netnstest.Do(l.t, l.ns, func() { err = cmd.Start() })
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // it says that it was killed
	})
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "serving"; {
		var socket int
		var text string
		if _, err := fmt.Sscanf(lines.Text(), "socket %d cid %s", &socket, &text); err != nil {
			l.t.Fatalf("%q: %v", lines.Text(), err)
		}
		cid, err := hex.DecodeString(text)
		if err != nil {
			l.t.Fatal(err)
		}
		cids = append(cids, cid)
	}
	if len(cids) != sockets {
		l.t.Fatalf("the example printed %d connection ids, want %d\n%s", len(cids), sockets, errs.String())
	}
	return cids
}

// ask sends a datagram from a port of its own, filled up to what a QUIC packet has, and returns the answer.
func (l *steerLab) ask(datagram []byte) string {
	l.t.Helper()
	conn, err := l.listenIn(net.ListenConfig{}, "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	to, err := net.ResolveUDPAddr("udp", echoServer)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := conn.WriteTo(append(datagram, make([]byte, 40)...), to); err != nil {
		l.t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 16)
	n, err := conn.Read(b)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b[:n])
}
