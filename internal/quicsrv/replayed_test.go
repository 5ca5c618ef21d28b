package quicsrv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"quicedge/internal/replay"
	"quicedge/internal/ticketkey"
)

// childEnv names the folder of the node for which the test binary runs as one more process.
const childEnv = "QUICSRV_TEST_CHILD"

// process is one of a node's, with the files it shares with the others.
type process struct {
	ring    *ticketkey.Ring
	strikes *replay.Register
	resume  *Resumption
	cert    *Certificate
	ran     atomic.Int64 // requests that reached the handler
}

func startProcess(dir string) (*process, error) {
	p := &process{}
	var err error
	if p.ring, err = ticketkey.OpenOwn(filepath.Join(dir, "keys")); err != nil {
		return nil, err
	}
	if p.strikes, err = replay.Open(replay.Settings{Path: filepath.Join(dir, "strikes"), Buckets: 1 << 10}); err != nil {
		return nil, err
	}
	if p.resume, err = NewResumption(p.ring, p.strikes); err != nil {
		return nil, err
	}
	p.cert, err = SelfSigned(nil)
	return p, err
}

// worker is a server of the process; stop ends it.
func (p *process) worker() (addr string, stop func() error, err error) {
	s, err := Listen(Config{
		Listen: "127.0.0.1:0", TLS: p.cert.TLSConfig(), Resumption: p.resume,
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { p.ran.Add(1) }),
	})
	if err != nil {
		return "", nil, err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	return s.Addr().String(), func() error {
		err := s.Close()
		if served := <-served; !errors.Is(served, ErrClosed) { // it may not have begun yet
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

// replayChild serves until the end of its input: for each line a new worker, whose address it prints, and with it how many requests
// ran and how many flights were accepted so far.
func replayChild(dir string) {
	p, err := startProcess(dir)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	stop := func() error { return nil }
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		ran, accepted := p.ran.Load(), p.strikes.Count(replay.Accepted)
		var addr string
		err := stop()
		if err == nil {
			addr, stop, err = p.worker()
		}
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(addr, ran, accepted)
	}
}

// child is another process of the node.
type child struct {
	cmd           *exec.Cmd
	in            io.WriteCloser
	out           *bufio.Reader
	ran, accepted int
}

func startChild(t testing.TB, dir string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"="+dir)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		c.in, err = c.cmd.StdinPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	t.Cleanup(c.kill)
	return c
}

func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// worker has the child begin a new worker, and takes its counts.
func (c *child) worker(t testing.TB) (addr string) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(c.out, &addr, &c.ran, &c.accepted); err != nil {
		t.Fatalf("a child says %q: %v", addr, err)
	}
	return addr
}

// A captured flight is sent again and again: to ever new workers of two processes, to processes that begin after others have ended,
// in order or by kill -9. Its request runs once. That the flight is good for more, another node shows.
func TestReplayedFlightRunsOnceOnANode(t *testing.T) {
	times := 60
	if os.Getenv("QUICEDGE_SOAK") != "" {
		times = 10_000
	}
	dir := t.TempDir()
	here, err := startProcess(dir)
	if err != nil {
		t.Fatal(err)
	}
	beside := nodeBeside(t, dir)
	first, stop, err := here.worker()
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(here.cert)
	g.visit(t, first)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	here.ran.Store(0)
	flight := g.capture(t, http.MethodGet)

	there := startChild(t, dir)
	ran, accepted := 0, 0 // by processes that have ended
	end := func() {
		there.worker(t)
		ran, accepted = ran+there.ran, accepted+there.accepted
		there.kill()
	}
	for n := range times {
		if n%2 == 1 {
			replayTo(t, flight, there.worker(t))
		} else {
			here.replay(t, flight, n == 0)
		}
		if n%(times/6) == times/6-1 { // a restart of one process, and at half time of both, so that nobody has the register
			end()
			if n == times/2-1 {
				accepted += int(here.strikes.Count(replay.Accepted))
				cert, before := here.cert, here.ran.Load()
				if err := here.strikes.Close(); err != nil {
					t.Fatal(err)
				}
				if here, err = startProcess(dir); err != nil {
					t.Fatal(err)
				}
				here.cert = cert
				here.ran.Store(before)
			}
			there = startChild(t, dir)
		}
	}
	end()
	ran, accepted = ran+int(here.ran.Load()), accepted+int(here.strikes.Count(replay.Accepted))
	if accepted != 1 || ran != 1 {
		t.Errorf("of %d flights %d were accepted, the handler ran %d times", times, accepted, ran)
	}
	t.Logf("%d flights: %d accepted, the handler ran %d times", times, accepted, ran)
	if err := here.strikes.Close(); err != nil {
		t.Error(err)
	}
	beside.replay(t, flight, true)
	beside.replay(t, flight, false)
	if got := beside.strikes.Count(replay.Accepted); got != 1 {
		t.Errorf("another node accepted it %d times", got)
	}
}

// replay has a worker of its own take the flight, and waits for the handler if it is to run.
func (p *process) replay(t testing.TB, flight [][]byte, runs bool) {
	t.Helper()
	addr, stop, err := p.worker()
	if err != nil {
		t.Fatal(err)
	}
	before := p.ran.Load()
	replayTo(t, flight, addr)
	if runs {
		eventually(t, "the handler", func() bool { return p.ran.Load() == before+1 })
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// nodeBeside is another node with the keys of dir, which began ten seconds ago.
func nodeBeside(t testing.TB, dir string) *process {
	t.Helper()
	p := place{keys: filepath.Join(dir, "keys"), strikes: filepath.Join(t.TempDir(), "strikes"), time: new(hour)}
	p.time.ahead.Store(-int64(10 * time.Second))
	p.clock = p.time.clock()
	r := p.process(t)
	p.time.ahead.Store(0)
	return &process{strikes: r.strikes, resume: r, cert: selfSigned(t)}
}
