package quicsrv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// ErrClosed says that a server was asked to serve after Drain or Close.
var ErrClosed = errors.New("server closed")

// Server is one port, served over HTTP/3, HTTP/2 and HTTP/1.1. Make it with Listen; end it with Drain or Close.
type Server struct {
	sockets  *Sockets
	workers  []*worker
	shared   *port // nil where the kernel steers, or one worker has all
	gate     *gate // of all workers
	h3       *http3.Server
	tcp      *http.Server
	requests requests
	early    early
	load     *retryLoad
	initials *initials
	limits   *limits

	stopping  atomic.Bool // refuse new connections
	draining  atomic.Bool // Drain or Close has been called
	retired   atomic.Bool // another process takes new connections
	onTCP     tcpConnections
	begin     sync.Mutex     // orders Serve before or after stop
	accepting sync.WaitGroup // the HTTP/3 accept loops
	finish    sync.Once
	finishErr error
	cut       int           // requests that ran when the server ended
	closed    chan struct{} // closed when nothing is bound any more
}

// Listen makes ready to serve on the sockets of the configuration, or on such as it binds; clients that connect before Serve wait.
// After an error nothing stays bound. For the error of a port see Bind.
func Listen(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err == nil && cfg.Sockets == nil {
		cfg.Sockets, err = Bind(cfg.Listen, cfg.Workers)
	}
	if err == nil {
		err = cfg.checkWorkers()
	}
	if err != nil {
		return nil, errors.Join(err, cfg.release())
	}
	s := &Server{sockets: cfg.Sockets, gate: newGate(), load: cfg.load, initials: cfg.initials, limits: cfg.limits, closed: make(chan struct{})}
	if err := s.listenQUIC(cfg); err != nil {
		return nil, errors.Join(err, s.closeWorkers(), s.shared.close(), cfg.Sockets.Close())
	}
	handler := &handler{next: cfg.Handler, requests: &s.requests, early: &s.early, altSvc: altSvc(s.Port())}
	s.h3 = &http3.Server{Handler: handler, ConnContext: withConnection, MaxHeaderBytes: cfg.MaxHeaderBytes, Logger: debugging(cfg.Log)}
	s.tcp = newTCP(cfg, handler)
	s.tcp.ConnState = s.onTCP.count
	return s, nil
}

// debugging returns what http3 logs to, nil where nobody reads it: http3 makes what it says of each request before it asks.
func debugging(log *slog.Logger) *slog.Logger {
	if log.Enabled(context.Background(), slog.LevelDebug) {
		return log
	}
	return nil
}

// listenQUIC starts the workers. They share one configuration of TLS, so that any resumes what another began.
func (s *Server) listenQUIC(cfg Config) error {
	tlsConf, quicConf := quicTLS(cfg.TLS, cfg.Resumption), s.refuseWhileStopping(quicConfig(cfg))
	keys := newTransportKeys()
	s.shared = newPort(cfg)
	for i, conn := range s.shared.conns(s.sockets) {
		if err := enlargeBuffers(s.sockets.udp[i], cfg.Log); err != nil {
			return err
		}
		t := transport(cfg, uint8(i), conn, keys)
		if err := cfg.Resumption.share(t); err != nil {
			return err
		}
		w, err := startWorker(t, tlsConf, quicConf, s.gate)
		if err != nil {
			return fmt.Errorf("worker %d: %w", i, err)
		}
		s.workers = append(s.workers, w)
	}
	return nil
}

func (s *Server) closeWorkers() (err error) {
	for _, w := range s.workers {
		err = errors.Join(err, w.transport.Close())
	}
	return err
}

// refuseWhileStopping answers an Initial with CONNECTION_REFUSED (RFC 9000, section 20.1) once the server stops, so that the
// client goes elsewhere at once instead of waiting for a timeout.
func (s *Server) refuseWhileStopping(c *quic.Config) *quic.Config {
	forClient := c.GetConfigForClient
	c.GetConfigForClient = func(client *quic.ClientInfo) (*quic.Config, error) {
		if s.stopping.Load() {
			return nil, ErrClosed
		}
		return forClient(client)
	}
	return c
}

// Addr returns the address that is bound on both protocols.
func (s *Server) Addr() netip.AddrPort { return s.sockets.Addr() }

// Port returns the port that is bound on both protocols.
func (s *Server) Port() uint16 { return s.Addr().Port() }

// Serve answers requests until Drain or Close has ended, then returns nil. When ctx ends it closes the server at once. Any
// other error is that of a listener which failed, and closes the server too.
func (s *Server) Serve(ctx context.Context) error {
	s.begin.Lock()
	if s.stopping.Load() {
		s.begin.Unlock()
		return ErrClosed
	}
	servers := len(s.workers) + 1
	failed := make(chan error, servers)
	for _, w := range s.workers {
		s.accepting.Go(func() { failed <- s.serveQUIC(w) })
	}
	s.begin.Unlock()
	go func() { failed <- s.serveTCP() }()

	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	var all error
	for range servers {
		if err := <-failed; err != nil {
			all = errors.Join(all, err)
			_ = s.Close() // the listener's error says more
		}
	}
	<-s.closed
	return all
}

func (s *Server) serveQUIC(w *worker) error {
	err := s.h3.ServeListener(w)
	if s.stopping.Load() || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("accept on udp port %d: %w", s.Port(), err)
}

func (s *Server) serveTCP() error {
	err := s.tcp.ServeTLS(limitedListener{s.sockets.tcp, s.limits, newFiles()}, "", "")
	if s.stopping.Load() || s.retired.Load() || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("accept on tcp port %d: %w", s.Port(), err)
}
