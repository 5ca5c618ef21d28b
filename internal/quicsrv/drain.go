package quicsrv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// linger is how long clients get, once the last request has ended, to read what is still under way to them and to close
// their connections as RFC 9114, section 5.2 asks after a GOAWAY. Two seconds are several round trips with losses; one idle
// client that ignores the GOAWAY must not hold back a restart for longer.
const linger = 2 * time.Second

// Drain takes no new connections, tells clients with GOAWAY (HTTP/3, HTTP/2) or by closing after the response (HTTP/1.1) to go
// elsewhere, and lets running requests end; then it closes the server. When ctx ends first, what still runs is cut and the
// error says how much. A second Drain waits for the first; Close cuts it short.
func (s *Server) Drain(ctx context.Context) error {
	s.stop()
	if !s.draining.CompareAndSwap(false, true) {
		select {
		case <-s.closed:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("wait for the drain under way: %w", ctx.Err())
		}
	}
	deadline := s.runDown(ctx)
	err := s.end()
	if s.cut > 0 {
		return errors.Join(fmt.Errorf("drain: %d requests cut: %w", s.cut, cmp.Or(deadline, ErrClosed)), err)
	}
	return err
}

// stop refuses new connections from now on.
func (s *Server) stop() {
	s.begin.Lock()
	first := s.stopping.CompareAndSwap(false, true)
	s.begin.Unlock()
	if !first {
		return
	}
	s.gate.shut()
	s.accepting.Wait()
	for _, w := range s.workers {
		go w.turnAway()
	}
}

// runDown waits for the last request, then for the clients to leave. Its error is that of ctx, if that ended first.
func (s *Server) runDown(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		h3 := make(chan struct{})
		go func() { defer close(h3); _ = s.h3.Shutdown(ctx) }()
		_ = s.tcp.Shutdown(ctx) // its error is ctx's, or that the listener was never served
		<-h3
	}()
	select {
	case <-gone: // only when every connection has closed
	case <-s.closed:
	case <-s.requests.Idle():
		select {
		case <-gone:
		case <-s.closed:
		case <-ctx.Done():
		case <-time.After(linger):
		}
	case <-ctx.Done():
	}
	return ctx.Err()
}

// Close ends the server at once: running requests are cut, clients are told that the connection is closed.
func (s *Server) Close() error {
	s.stop()
	s.draining.Store(true)
	return s.end()
}

func (s *Server) end() error {
	s.finish.Do(func() {
		s.cut = s.requests.Running()
		s.gate.closeAll()
		s.finishErr = errors.Join(ignoreClosed(s.tcp.Close()), s.closeWorkers(), s.shared.close(), s.sockets.Close())
		close(s.closed)
	})
	return s.finishErr
}
