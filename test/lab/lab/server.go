package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Server is a process at the edge.
type Server struct {
	State, Pins string // folders of our node or agent; "" for another program

	cmd   *exec.Cmd
	ended chan struct{}
	log   output
	after func() error // removes what the process may leave
}

// output collects what a process writes, while it is read.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

const (
	readyWithin = 60 * time.Second
	stopWithin  = 20 * time.Second
)

// Start runs a server at the edge and waits until it answers QUIC on Port. The command's output is taken over.
func (l *Lab) Start(ctx context.Context, cmd *exec.Cmd) (*Server, error) {
	return l.start(ctx, newServer(cmd, func() error { return nil }), l.greet)
}

func newServer(cmd *exec.Cmd, after func() error) *Server {
	s := &Server{cmd: cmd, ended: make(chan struct{}), after: after}
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	return s
}

// start runs a server and waits until it answers.
func (l *Lab) start(ctx context.Context, s *Server, answers func(context.Context) error) (*Server, error) {
	if err := l.Edge.Within(s.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.cmd.Path, err)
	}
	go func() {
		s.cmd.Wait() // its state says how it ended
		close(s.ended)
	}()
	if err := s.ready(ctx, answers); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// ready asks until there is an answer.
func (s *Server) ready(ctx context.Context, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%s ended: %s\n%s", s.cmd.Path, s.cmd.ProcessState, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer on port %d: %w\n%s", s.cmd.Path, Port, err, s.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// greet connects from the edge's own host, past the links.
func (l *Lab) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var socket *net.UDPConn
	err := l.Edge.Within(func() (err error) {
		socket, err = net.ListenUDP("udp4", nil)
		return err
	})
	if err != nil {
		return err
	}
	c, err := dial(ctx, socket, netip.AddrPortFrom(edge4, Port), nil)
	if err != nil {
		return err
	}
	return c.Close()
}

// Log returns what the server has written.
func (s *Server) Log() string { return s.log.String() }

// Stop ends the server in order, and by force when that takes long, which is an error.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		<-s.ended // of itself
		return s.after()
	}
	select {
	case <-s.ended:
		return s.after()
	case <-time.After(stopWithin):
	}
	err := s.cmd.Process.Kill()
	<-s.ended
	return errors.Join(fmt.Errorf("%s did not end within %s of SIGTERM\n%s", s.cmd.Path, stopWithin, s.Log()), err, s.after())
}
