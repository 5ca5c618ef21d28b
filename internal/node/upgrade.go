package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/handover"
)

// readyWithin bounds what a new process may take until it serves: it reads tables, loads programs and starts video workers.
const readyWithin = time.Minute

// takenWithin bounds what a process that is ready may take to say that it serves: it has nothing left to do but open its gates.
const takenWithin = 10 * time.Second

var errNoUpgrade = errors.New("an agent has no connections that could be lost: stop it and start the other")

// Upgrade starts a program in the place of this process, with the same arguments, and returns its process ID when it takes new
// connections. Succeeded is closed then, and this process has only the connections that it had: Retire is next. An empty name is this
// program's own file, which may have been replaced. After an error this process goes on as before.
func (n *Node) Upgrade(ctx context.Context, program string) (pid int, err error) {
	n.upgrading.Lock()
	defer n.upgrading.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.upgrades, cancel)()
	switch {
	case n.public == nil:
		return 0, fmt.Errorf("upgrade: %w", errNoUpgrade)
	case n.handed.Load() || n.draining.Load():
		return 0, errors.New("upgrade: this process is about to end: ask the one that has taken over")
	}
	if pid, err = n.succeed(ctx, program); err != nil {
		err = fmt.Errorf("upgrade: %w", err)
		n.log.Error("another process was to take over, but this one goes on", "error", err)
		return 0, err
	}
	n.log.Info("another process has taken over: this one keeps the connections that it has", "pid", pid)
	n.hand()
	return pid, nil
}

func (n *Node) succeed(ctx context.Context, program string) (pid int, err error) {
	cmd, err := successor(program)
	if err != nil {
		return 0, err
	}
	will := bequest{gifts: n.gifts()}
	if n.steers.generation == nil {
		if err := n.bequeathDatagrams(&will); err != nil {
			return 0, err
		}
	}
	heir, err := handover.Start(cmd, will.gifts, will.values)
	if err != nil {
		will.close()
		return 0, err
	}
	if err := n.leaveTo(ctx, heir, &will); err != nil {
		err = errors.Join(err, heir.Kill())
		will.close()
		return 0, err
	}
	return heir.Pid(), heir.Release()
}

// leaveTo lets a process take over when it is ready. Whoever asked for the upgrade may go away until then, and not later: the new process
// has connections by then.
func (n *Node) leaveTo(ctx context.Context, heir *handover.Heir, will *bequest) error {
	ready, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := heir.Ready(ready); err != nil {
		return err
	}
	taken, cancel := context.WithTimeout(context.WithoutCancel(ctx), takenWithin)
	defer cancel()
	n.stopLoop() // it writes down what it has learned, for the new process
	err := n.leaveDatagrams(will)
	if err == nil {
		err = heir.Go(taken)
	}
	if err != nil {
		n.runLoop()
		return err
	}
	return nil
}

// successor is the command of the process that is to take over.
func successor(program string) (*exec.Cmd, error) {
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	if !filepath.IsAbs(program) {
		return nil, fmt.Errorf("program %q: give its path from the root", program)
	}
	cmd := exec.Command(program, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WATCHDOG_PID=") })
	if os.Geteuid() != 0 { // what root starts has all that the bounding set leaves
		cmd.SysProcAttr = &syscall.SysProcAttr{AmbientCaps: permitted()}
	}
	return cmd, nil
}

// permitted returns the capabilities that this process has kept.
func permitted() (kept []uintptr) {
	now := cap.GetProc()
	for v := range cap.MaxBits() {
		if has, err := now.GetFlag(cap.Permitted, v); err == nil && has {
			kept = append(kept, uintptr(v))
		}
	}
	return kept
}

func (n *Node) gifts() []handover.Gift {
	all := []handover.Gift{
		{Name: giftTCP, Of: n.sockets.TCP()},
		{Name: giftOperator, Of: n.operatorAt.(*net.TCPListener)},
		{Name: giftAdmin, Of: n.adminAt.(*net.UnixListener)},
		{Name: giftState, Of: n.lock.File()},
	}
	if n.plane.plane == nil {
		return all
	}
	if hold := n.plane.plane.Hold(); hold != nil {
		all = append(all, handover.Gift{Name: giftHold, Of: hold})
	}
	return all
}

// hand leaves to the new process what there is one of.
func (n *Node) hand() {
	n.handed.Store(true)
	if unix, ok := n.adminAt.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	n.endTend()
	close(n.succeeded)
}

// Succeeded is closed when another process has taken over.
func (n *Node) Succeeded() <-chan struct{} { return n.succeeded }

// Retire serves the connections that this process has left, until they have ended or ctx has; Stop comes next. Operators and commands
// reach the new process from now on; what they have under way here ends in its own time, as that of clients does.
func (n *Node) Retire(ctx context.Context) {
	var operators sync.WaitGroup
	defer operators.Wait()
	for _, s := range []*http.Server{n.operator, n.admin} {
		operators.Go(func() {
			if err := shutdown(ctx, s); err != nil {
				n.log.Warn("an operator's request is cut", "error", err)
			}
		})
	}
	began := time.Now()
	if err := n.public.Retire(ctx); err != nil {
		n.log.Info("clients that are left are asked to go", "connections", n.public.Connections(), "after", time.Since(began), "because", err)
		return
	}
	n.log.Info("the last connection has ended", "after", time.Since(began))
}
