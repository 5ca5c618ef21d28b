package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const patience = 10 * time.Second

// TestMain is also the new process, which does what its argument says.
func TestMain(m *testing.M) {
	if _, ok := os.LookupEnv(variable); ok {
		os.Exit(child(os.Args[1]))
	}
	os.Exit(m.Run())
}

func child(does string) int {
	if does == "dies" {
		return 7
	}
	e, err := Receive()
	if err != nil || e == nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	l, err := e.Listener("tcp")
	if err != nil || e.Value("word") != "hello" {
		fmt.Fprintln(os.Stderr, "child:", err, e.Value("word"))
		return 1
	}
	if does == "hangs" {
		l.Accept()
	}
	if does == "fails" {
		e.Fail(errors.New("no room"))
		return 9
	}
	e.Ready()
	if does == "dies late" {
		return 8
	}
	if err := e.Serving(); err != nil {
		return 1
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return 1
		}
		fmt.Fprintf(c, "%d", os.Getpid())
		c.Close()
	}
}

// begin starts this test's program as the new process.
func begin(t *testing.T, does string) (*Heir, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	cmd := exec.Command(os.Args[0], does)
	cmd.Stderr = os.Stderr
	h, err := Start(cmd, []Gift{{"tcp", l.(*net.TCPListener)}}, map[string]string{"word": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Kill() })
	return h, l
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestTheNewProcessTakesTheListener(t *testing.T) {
	h, l := begin(t, "serves")
	if err := errors.Join(h.Ready(within(t)), h.Go(within(t)), l.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 16)
	if n, err := c.Read(buf); string(buf[:n]) != fmt.Sprint(h.Pid()) {
		t.Errorf("%q answered, %v, want the new process %d", buf[:n], err, h.Pid())
	}
}

func TestAProcessThatDiesIsKnown(t *testing.T) {
	h, _ := begin(t, "dies late")
	if err := h.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := h.Go(within(t)); err == nil {
		t.Error("a process that died has taken over")
	}
	cmd := exec.Command(os.Args[0], "dies")
	early, err := Start(cmd, nil, nil)
	if err == nil {
		err = early.Ready(within(t))
	}
	if err == nil {
		t.Error("a process that died at once is ready")
	}
}

func TestAProcessThatFailsSaysWhy(t *testing.T) {
	h, _ := begin(t, "fails")
	if err := h.Ready(within(t)); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
}

func TestAProcessThatHangsIsNotWaitedForEver(t *testing.T) {
	h, _ := begin(t, "hangs")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestTheNewProcessGoesOnWhereTheOldDies(t *testing.T) {
	h, l := begin(t, "serves")
	if err := h.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	h.conn.Close() // as the death of this process would
	l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 16)); n == 0 {
		t.Errorf("nobody serves: %v", err)
	}
}

func TestAnOrdinaryStartIsNoHandover(t *testing.T) {
	if e, err := Receive(); e != nil || err != nil {
		t.Errorf("got %v, %v", e, err)
	}
}
