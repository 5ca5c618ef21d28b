package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"quicedge/internal/pipeline/wire"
)

// child is one worker process and the node's end of its socket.
type child struct {
	cmd     *exec.Cmd
	conn    net.Conn
	in      *wire.Reader
	out     *wire.Writer
	stderr  *lineLog
	started time.Time
	// exited is closed when the process is gone and reaped.
	exited chan struct{}
	// served is true once it has been given a job: its death is then no failed start.
	served atomic.Bool
	// knows names the models that it has loaded. It belongs to who has the child.
	knows map[string]bool
	// ended is why this side ended it, the first reason counts; nil: it has not.
	ended atomic.Pointer[string]
	// queue reads how much of what was sent to it is unread.
	queue syscall.RawConn
	// fences are those that stand around it, and those that do not with the reason.
	fences []wire.Fence
}

// start launches a worker and waits until it has the models that the pipelines need now. The error names the exit status and the
// worker's own words.
func (p *Pool) start(ctx context.Context) (*child, error) {
	c, err := p.spawnReady(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.teach(ctx, c, p.Library().needed(), false); err != nil {
		c.kill()
		<-c.exited
		return nil, fmt.Errorf("start video worker %s: %w", p.cfg.Worker, err)
	}
	return c, nil
}

// spawnReady launches a worker and waits until it says Hello.
func (p *Pool) spawnReady(ctx context.Context) (*child, error) {
	c, err := p.spawn()
	if err != nil {
		return nil, fmt.Errorf("start video worker %s: %w", p.cfg.Worker, err)
	}
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	if err := c.hello(); err != nil {
		c.kill()
		<-c.exited
		why := c.state()
		if words := c.stderr.words(); words != "" {
			why += ": " + words
		}
		return nil, fmt.Errorf("start video worker %s: %w (%s)", p.cfg.Worker, err, why)
	}
	return c, nil
}

// spawn starts a worker; more are further arguments.
func (p *Pool) spawn(more ...string) (*child, error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	spool, err := newSpool(p.cfg.SpoolDir)
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer spool.Close()
	made, err := newSpool(p.cfg.SpoolDir)
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer made.Close()

	c := &child{
		conn: ours, in: wire.NewReader(ours), out: wire.NewWriter(ours),
		knows: map[string]bool{}, stderr: &lineLog{log: p.cfg.Log}, started: time.Now(), exited: make(chan struct{}),
	}
	c.cmd = exec.Command(p.workerExec, append([]string{
		"--serve",
		"--max-memory", strconv.FormatInt(p.cfg.MaxMemory, 10),
		"--max-file", strconv.FormatInt(2*p.cfg.MaxInput+spoolSpace, 10),
	}, more...)...)
	c.cmd.Args[0] = p.cfg.Worker
	c.cmd.ExtraFiles = []*os.File{theirs, spool, made} // wire.FD, wire.SpoolFD, wire.MadeFD
	c.cmd.Stderr = c.stderr
	c.cmd.WaitDelay = time.Second
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if c.queue, err = ours.SyscallConn(); err == nil {
		err = p.launcher.start(c.cmd)
	}
	if err != nil {
		ours.Close()
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait() // the state is read from ProcessState
		close(c.exited)
	}()
	return c, nil
}

// spoolSpace and twice the largest body is what a spool may hold: that body, or the video that is made of it, whose size is
// not bound to the body's.
const spoolSpace = 64 << 20

// socketpair returns a connected pair: a pollable end for the node and a file to pass on.
func socketpair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socketpair: %w", err)
	}
	ourFile, theirs := os.NewFile(uintptr(fds[0]), "node"), os.NewFile(uintptr(fds[1]), "worker")
	defer ourFile.Close()
	ours, err := net.FileConn(ourFile)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("make socketpair: %w", err)
	}
	return ours.(*net.UnixConn), theirs, nil
}

// newSpool returns a file without a name: it is gone when its worker is.
func newSpool(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "quicedge-spool-*")
	if err != nil {
		return nil, fmt.Errorf("make spool file: %w; make %s writable or set another folder", err, dir)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("unlink spool file: %w", err)
	}
	return f, nil
}

func (c *child) hello() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(workerGrace)); err != nil {
		return err
	}
	f, err := c.in.Next()
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("it was not ready after %s", workerGrace)
		}
		return errors.New("it ended before it was ready")
	}
	var h wire.Hello
	if f.Type != wire.TypeHello || f.Decode(&h) != nil || h.Protocol != wire.Version {
		return fmt.Errorf("it speaks another protocol than version %d; build both programs together with `make build`", wire.Version)
	}
	c.fences = h.Fences
	return c.conn.SetReadDeadline(time.Time{})
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// end notes why kill is about to be called; one that has ended by itself has its own reason.
func (c *child) end(reason string) {
	if c.alive() {
		c.ended.CompareAndSwap(nil, &reason)
	}
}

// reason is why a child that has exited did so.
func (c *child) reason() string {
	if r := c.ended.Load(); r != nil {
		return *r
	}
	return reasonOfState(c.cmd)
}

// drained says that the worker has read all that was sent to it.
func (c *child) drained() bool {
	unread := 0
	err := c.queue.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			unread = n
		}
	})
	return err == nil && unread == 0
}

// awaitExit gives a child whose socket is closed a second to be gone, and says whether it is.
func (c *child) awaitExit() bool {
	select {
	case <-c.exited:
		return true
	case <-time.After(time.Second):
		return false
	}
}

// exitCode is that of a child that has exited; -1: a signal ended it.
func (c *child) exitCode() int { return c.cmd.ProcessState.ExitCode() }

// kill ends the process at once; it may be called often and from anywhere.
func (c *child) kill() {
	if c.cmd.Process != nil {
		_ = c.cmd.Process.Kill() // an error means that it is gone already
	}
	_ = c.conn.Close()
}

// state says how the process ended, as in "signal: killed". It waits for the end.
func (c *child) state() string {
	<-c.exited
	return c.cmd.ProcessState.String()
}

func (c *child) alive() bool {
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}
