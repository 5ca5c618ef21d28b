package quicsrv

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	sockets   sockets
	transport *quic.Transport
	gate      *gate
	h3        *http3.Server
	tcp       *http.Server
	requests  requests
	early     early
	load      *retryLoad
	initials  *initials

	stopping  atomic.Bool    // refuse new connections
	begin     sync.Mutex     // orders Serve before or after stop
	accepting sync.WaitGroup // the HTTP/3 accept loop
	finish    sync.Once
	finishErr error
	cut       int           // requests that ran when the server ended
	closed    chan struct{} // closed when nothing is bound any more
}

// Listen binds UDP and TCP and makes ready to serve; clients that connect before Serve wait. After an error nothing stays
// bound. An error of a port names it, its protocol and the cure, and wraps the system's (syscall.EADDRINUSE, EACCES).
func Listen(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	bound, err := bind(cfg.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{sockets: bound, load: cfg.load, initials: cfg.initials, closed: make(chan struct{})}
	if err := s.listenQUIC(cfg); err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	handler := s.requests.count(withAltSvc(s.early.refuse(cfg.Handler), s.Port()))
	s.h3 = &http3.Server{Handler: countOnConnection(handler), ConnContext: withConnection, MaxHeaderBytes: cfg.MaxHeaderBytes, Logger: cfg.Log}
	s.tcp = newTCP(cfg, handler)
	return s, nil
}

func (s *Server) listenQUIC(cfg Config) error {
	if err := enlargeBuffers(s.sockets.udp, cfg.Log); err != nil {
		return err
	}
	// 8 bytes leave room for what steers by connection ID; a longer ID costs each packet.
	s.transport = &quic.Transport{Conn: s.sockets.udp, ConnectionIDLength: 8, VerifySourceAddress: cfg.load.verify}
	if err := cfg.Resumption.share(s.transport); err != nil {
		return err
	}
	ln, err := s.transport.ListenEarly(quicTLS(cfg.TLS, cfg.Resumption), s.refuseWhileStopping(quicConfig(cfg)))
	if err != nil {
		return errors.Join(fmt.Errorf("listen for quic: %w", err), s.transport.Close())
	}
	s.gate = newGate(ln)
	return nil
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
func (s *Server) Addr() netip.AddrPort {
	a := s.sockets.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

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
	failed := make(chan error, 2)
	s.accepting.Go(func() { failed <- s.serveQUIC() })
	s.begin.Unlock()
	go func() { failed <- s.serveTCP() }()

	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	first := <-failed
	if first != nil {
		_ = s.Close() // the listener's error says more
	}
	second := <-failed
	<-s.closed
	return errors.Join(first, second)
}

func (s *Server) serveQUIC() error {
	err := s.h3.ServeListener(s.gate)
	if s.stopping.Load() || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("accept on udp port %d: %w", s.Port(), err)
}

func (s *Server) serveTCP() error {
	err := s.tcp.ServeTLS(s.sockets.tcp, "", "")
	if s.stopping.Load() || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("accept on tcp port %d: %w", s.Port(), err)
}
