// Package quicsrv serves one handler over HTTP/3 on UDP and over HTTP/2 and HTTP/1.1 on TCP of the same port, sizes QUIC packets
// by the class of each client, and drains without cutting a request. No other package imports quic-go.
package quicsrv

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"quicedge/internal/path"
)

// Config says what to serve. Listen or Sockets, TLS and Handler must be set; the zero value of the rest works.
type Config struct {
	// Listen is "host:port", one port for UDP and TCP. Port 0 picks one that is free on both.
	Listen string

	// Workers is how many sockets share the UDP port, each with its own reader and its own connections. 0: one a CPU, or a single one
	// without IDs.
	Workers int

	// Sockets are what was bound already, in place of Listen and Workers. The server closes them, also where Listen fails.
	Sockets *Sockets

	// IDs makes the connection IDs. More than one worker need them. Nil: random ones.
	IDs IDs

	// Steered says that the kernel brings datagrams to the worker that their connection ID names. Otherwise it goes by addresses and
	// ports, and workers hand to each other what belongs elsewhere.
	Steered bool

	// Waiting leaves the sockets, which another process reads, alone until Read; Ways lead to the processes before that keep connections, by
	// their number: what is theirs is sent there. They are closed with the server. Both only where the kernel does not steer.
	Waiting bool
	Ways    map[uint8]*net.UnixConn

	// TLS carries the certificates. Protocol versions, ALPN and tickets are set here: QUIC takes TLS 1.3 only, TCP 1.2 as well.
	// Protocols that it names are taken on TCP beside HTTP's, and closed after the handshake.
	TLS *tls.Config

	// Handler answers requests of all three protocols. It may be called from many goroutines.
	Handler http.Handler

	// Resumption holds the ticket keys, and what keeps 0-RTT safe. Nil: sessions are resumed within this process alone, without 0-RTT.
	Resumption *Resumption

	// Profile returns the path profile of a client's address. It is called once a handshake, on the one goroutine that reads
	// the socket, so it must not block. The address may be spoofed: nothing may be learned from it. It is never an
	// IPv4-mapped one. Nil: every client starts at path.MinInitial and discovery searches upwards.
	Profile func(netip.Addr) path.Profile

	// Observer is told what validated connections show of their paths. Nil: nobody is, and no connection is traced.
	Observer Observer

	// IdleTimeout closes a connection that carries nothing for this long, where its profile says nothing of it. 0: 60 seconds.
	IdleTimeout time.Duration

	// KeepFor closes a QUIC connection that has had no request for this long, however often it is kept alive. 0: 5 minutes.
	KeepFor time.Duration

	// HeaderTimeout bounds the TLS handshake and the reading of request headers on TCP. 0: 10 seconds. Bodies have no limit
	// here: an upload or a stream may last as long as its handler lets it.
	HeaderTimeout time.Duration

	// MaxHeaderBytes bounds the header of a request. 0: 64 KiB.
	MaxHeaderBytes int

	// MaxStreams bounds the requests that a connection runs at once over HTTP/2 and HTTP/3. 0: 100.
	MaxStreams int64

	// Limits bound what clients may take, those of one prefix and all. The zero value bounds nothing.
	Limits Limits

	// Log takes warnings with their cures. Nil: none are written.
	Log *slog.Logger

	pingAfter time.Duration // of silence over HTTP/2; tests shorten it

	load     *retryLoad // what the server and its connections share
	initials *initials
	limits   *limits
	clock    func() time.Time // of the limits; nil: time.Now
}

func (c Config) withDefaults() (Config, error) {
	if c.TLS == nil {
		return c, errors.New("listen: no TLS configuration: give a certificate (--cert, --key) or a self-signed one")
	}
	if c.Handler == nil {
		return c, errors.New("listen: no handler")
	}
	if c.Profile == nil {
		c.Profile = func(netip.Addr) path.Profile { return path.Profile{Initial: path.MinInitial, Search: true} }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.load, c.initials = newRetryLoad(), new(initials)
	if c.IDs == nil {
		c.Workers = max(c.Workers, 1)
	}
	c.IdleTimeout = positive(c.IdleTimeout, 60*time.Second)
	c.KeepFor = positive(c.KeepFor, 5*time.Minute)
	c.HeaderTimeout = positive(c.HeaderTimeout, 10*time.Second)
	c.pingAfter = positive(c.pingAfter, 15*time.Second)
	c.MaxHeaderBytes = positive(c.MaxHeaderBytes, 64<<10)
	c.MaxStreams = positive(c.MaxStreams, 100)
	var err error
	if c.limits, err = newLimits(c.Limits); err != nil {
		return c, err
	}
	if c.clock != nil {
		c.limits.now = c.clock
	}
	return c, nil
}

// checkWorkers refuses what connections would be lost by.
func (c Config) checkWorkers() error {
	switch n := len(c.Sockets.udp); {
	case c.IDs == nil && n > 1:
		return fmt.Errorf("listen with %d workers: they need connection IDs that name them", n)
	case c.IDs != nil && (c.IDs.Len() < plainIDLen || c.IDs.Len() > 20):
		return fmt.Errorf("listen with connection IDs of %d bytes: RFC 9000 has room for 20, and less than %d meet twice", c.IDs.Len(), plainIDLen)
	}
	return nil
}

// release closes what was handed to Listen, which has failed.
func (c Config) release() error {
	var err error
	for _, way := range c.Ways {
		err = errors.Join(err, way.Close())
	}
	if c.Sockets == nil {
		return err
	}
	return errors.Join(err, c.Sockets.Close())
}

func positive[T ~int | ~int64](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
