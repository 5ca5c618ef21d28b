package quicsrv

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// retireLook is how often a retired server looks whether it has connections left.
const retireLook = 100 * time.Millisecond

// Retire lets another process, to which new connections come from now on, have the port: this one keeps the connections that it has,
// and what they ask yet. It returns when they are gone, or with the error of ctx; in both cases Drain comes next, which asks those that are
// left to go.
//
// New connections over TCP are taken no more. Over QUIC they are: what was on the way when the other process took over would be lost
// otherwise, and the kernel brings no others.
func (s *Server) Retire(ctx context.Context) error {
	s.retired.Store(true)
	if err := ignoreClosed(s.sockets.tcp.Close()); err != nil {
		return err
	}
	tick := time.NewTicker(retireLook)
	defer tick.Stop()
	for seen := time.Now(); time.Since(seen) < linger; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closed:
			return nil
		case <-tick.C:
		}
		if s.Connections() > 0 {
			seen = time.Now()
		}
	}
	return nil
}

// Connections returns how many connections are open, over QUIC and TCP.
func (s *Server) Connections() int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return len(s.gate.conns) + s.onTCP.open()
}

// tcpConnections knows the open connections of an http.Server. The zero value is ready.
type tcpConnections struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// count is an http.Server's ConnState.
func (t *tcpConnections) count(c net.Conn, state http.ConnState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch state {
	case http.StateNew:
		if t.conns == nil {
			t.conns = map[net.Conn]struct{}{}
		}
		t.conns[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(t.conns, c)
	}
}

func (t *tcpConnections) open() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.conns)
}
