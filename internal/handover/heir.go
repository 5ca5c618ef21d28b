// Package handover lets a running process start the one that takes its place, gives it sockets and locks, and hears from it how far
// it has come. Between the two runs a Unix socket of packets, on which the first sends what it gives, one descriptor a packet:
//
//	the old                          the new
//	give NAME (with a descriptor) ->
//	end JSON                      -> makes ready
//	                              <- ready
//	go                            -> takes new connections
//	                              <- serving
//	goes on until its connections have ended
//
// In place of ready or serving the new one may say why it cannot ("failed ..."). Whoever dies on the way is known by the end of the socket. Where the old one dies, the new one goes on as if it had been told to.
package handover

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// variable names the descriptor of the socket in the environment of the new process. It is none of the node's settings.
const variable = "HANDOVER_FD"

// maxWords bounds what is said at once, in bytes.
const maxWords = 4096

// sendRoom is room for a few hundred gifts, in bytes: all are sent before there is anybody who reads them.
const sendRoom = 1 << 20

// Gift is what passes to the next process, by its name: a socket, or a file that is locked.
type Gift struct {
	Name string
	Of   syscall.Conn
}

// Heir is a process that is to take over.
type Heir struct {
	cmd   *exec.Cmd
	conn  *net.UnixConn
	ended chan struct{}
}

// Start starts a program and gives it what it needs: before it runs, so that the death of this process at any later time leaves it able to
// go on. cmd has neither been started nor has extra files.
func Start(cmd *exec.Cmd, gifts []Gift, values map[string]string) (_ *Heir, err error) {
	ours, theirs, err := Pair()
	if err != nil {
		return nil, fmt.Errorf("hand over: %w", err)
	}
	defer theirs.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, ours.Close())
		}
	}()
	ours.SetWriteBuffer(sendRoom) // of which the system may give less
	for _, g := range gifts {
		if err := give(ours, g); err != nil {
			return nil, fmt.Errorf("hand over %s: %w", g.Name, err)
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	if _, err = ours.Write(append([]byte("end "), text...)); err != nil {
		return nil, fmt.Errorf("hand over: %w", err)
	}
	cmd.Env = append(cmd.Environ(), variable+"=3")
	file, err := theirs.File()
	if err != nil {
		return nil, fmt.Errorf("hand over: %w", err)
	}
	defer file.Close()
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	h := &Heir{cmd: cmd, conn: ours, ended: make(chan struct{})}
	go func() {
		cmd.Wait() // how it ended is in ProcessState
		close(h.ended)
	}()
	return h, nil
}

// give sends a descriptor as it is: by way of os.File it would become a blocking one, here too.
func give(to *net.UnixConn, g Gift) error {
	raw, err := g.Of.SyscallConn()
	if err != nil {
		return err
	}
	outer := raw.Control(func(fd uintptr) {
		_, _, err = to.WriteMsgUnix([]byte("give "+g.Name), unix.UnixRights(int(fd)), nil)
	})
	return errors.Join(outer, err)
}

// Pid is the process's.
func (h *Heir) Pid() int { return h.cmd.Process.Pid }

// Ready returns nil when the process could take over. Its error says how the process ended, or that ctx did before.
func (h *Heir) Ready(ctx context.Context) error { return h.await(ctx, "ready") }

// Go lets the process take over, and returns nil when it has.
func (h *Heir) Go(ctx context.Context) error {
	if _, err := h.conn.Write([]byte("go")); err != nil {
		return h.explain(fmt.Errorf("let the new process take over: %w", err))
	}
	return h.await(ctx, "serving")
}

func (h *Heir) await(ctx context.Context, want string) error {
	defer context.AfterFunc(ctx, func() { h.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, maxWords)
	n, err := h.conn.Read(buf)
	why, failed := strings.CutPrefix(string(buf[:n]), "failed ")
	switch {
	case failed:
		return fmt.Errorf("the new process has failed: %s", why)
	case ctx.Err() != nil:
		return fmt.Errorf("wait until the new process is %s: %w", want, context.Cause(ctx))
	case err != nil || n == 0:
		return h.explain(fmt.Errorf("wait until the new process is %s: %w", want, cmp.Or(err, io.ErrUnexpectedEOF)))
	case string(buf[:n]) != want:
		return fmt.Errorf("the new process said %q instead of %s: it is of another version", buf[:n], want)
	}
	return nil
}

// endWithin is what a process whose socket is closed is given to be gone.
const endWithin = time.Second

// explain adds how the process ended.
func (h *Heir) explain(err error) error {
	select {
	case <-h.ended:
		return fmt.Errorf("the new process ended (%s): its log says why: %w", h.cmd.ProcessState, err)
	case <-time.After(endWithin):
		return err
	}
}

// Kill ends a process that has not taken over.
func (h *Heir) Kill() error {
	err := h.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-h.ended
	return errors.Join(err, h.conn.Close())
}

// Release lets the process alone, which has taken over.
func (h *Heir) Release() error { return h.conn.Close() }
