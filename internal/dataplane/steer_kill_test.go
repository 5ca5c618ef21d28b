package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// childSteer is the process of a server, which dies after a number of steps.
func childSteer(steps string) error {
	last, err := strconv.Atoi(steps)
	if err != nil {
		return err
	}
	s, err := OpenSteering(os.Getenv(childPins))
	if err != nil {
		return err
	}
	if err := keepOnly("="); err != nil { // as a server that goes on as another user
		return err
	}
	g, err := s.NextGeneration(2)
	if err != nil {
		return err
	}
	var conns []*net.UDPConn
	for range 2 {
		c := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
			return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }), err)
		}}
		conn, err := c.ListenPacket(context.Background(), "udp", netip.AddrPortFrom(netip.IPv6Unspecified(), socketPort).String())
		if err != nil {
			return err
		}
		conns = append(conns, conn.(*net.UDPConn))
	}
	for i, step := range []func() error{
		func() error { return g.Join(conns[0], 0) },
		func() error { return g.Join(conns[1], 1) },
		func() error { return s.AttachFilter(conns[0]) },
		g.Commit,
		func() error { return s.SetScreening(true, false) },
	} {
		if i == last {
			break
		}
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Println("generation", g.Number())
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// A server without any capability, killed at every step: what was in force before goes on, or, after Commit, what is left
// falls back to the kernel's hash; and the next server takes over.
func TestKilledServersLeaveNothingBehind(t *testing.T) {
	for steps := range 6 {
		t.Run(strconv.Itoa(steps), func(t *testing.T) {
			f := newFleet(t)
			old := f.commit("a", 2)
			before, err := f.steering.State()
			if err != nil {
				t.Fatal(err)
			}
			out, err := f.child(nil, childEnv+"=steer", childSteps+"="+strconv.Itoa(steps))
			if !strings.HasPrefix(out, "generation ") {
				t.Fatalf("%v\n%s", err, out)
			}
			if state, err := f.steering.State(); err != nil || steps < 4 && state != before {
				t.Errorf("in force: %+v, %v, want %+v", state, err, before)
			}
			for range 10 {
				if at := f.reaches(f.clientSocket(harbin4, 0), longHeader(0xc0, quicV1, nil, 1200)); at[0] != 'a' {
					t.Errorf("a new connection came to %s", at)
				}
				if at := f.reaches(f.clientSocket(harbin4, 0), shortHeader(f.steering.CIDs().New(old.Number(), 1), 60)); at != "a1" {
					t.Errorf("an old connection came to %s", at)
				}
			}
			fresh := f.commit("b", 2)
			if fresh.Number() == old.Number() {
				t.Error("took the number of a generation that is open")
			}
			if at := f.reaches(f.clientSocket(harbin4, 0), longHeader(0xc0, quicV1, nil, 1200)); at[0] != 'b' {
				t.Errorf("a new connection came to %s", at)
			}
		})
	}
}
