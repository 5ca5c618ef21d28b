package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"quicedge/internal/handover"
)

// readyWithin bounds what a new process may take until it serves: it reads tables, loads programs and starts video workers.
const readyWithin = time.Minute

// takenWithin bounds what a process that is ready may take to say that it serves: it has nothing left to do but open its gates.
const takenWithin = 10 * time.Second

var errNoUpgrade = errors.New("an agent has no connections that could be lost: stop it and start the other")

var errFirst = errors.New("this is process 1, of a container: its end would be that of the process that takes over: replace the container")

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
	case os.Getpid() == 1:
		return 0, fmt.Errorf("upgrade: %w", errFirst)
	case n.public == nil:
		return 0, fmt.Errorf("upgrade: %w", errNoUpgrade)
	case n.handed.Load() || n.draining.Load():
		return 0, errors.New("upgrade: this process is about to end: ask the one that has taken over")
	}
	reloads := n.reloads.Load()
	if pid, err = n.succeed(ctx, program); err != nil {
		err = fmt.Errorf("upgrade: %w", err)
		n.log.Error("another process was to take over, but this one goes on", "error", err)
		return 0, err
	}
	n.log.Info("another process has taken over: this one keeps the connections that it has", "pid", pid)
	n.hand(pid)
	if n.reloads.Load() == reloads {
		return pid, nil
	}
	if err := n.reloadHeir(); err != nil { // of what it read when this process was not told yet
		n.log.Error("the tables of the process that has taken over may be old", "error", err)
	}
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
