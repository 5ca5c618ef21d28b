package quicsrv

import (
	"net"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/path"
)

// maxUniStreams is how many streams of one direction a client may have: three of HTTP/3 (RFC 9114, section 6.2, RFC 9204, section 4.2), and
// some that say nothing, which servers have to ignore.
const maxUniStreams = 16

// quicConfig is what every connection shares. 0-RTT is on where replays can be told from first flights.
func quicConfig(cfg Config) *quic.Config {
	shared := &quic.Config{
		MaxIdleTimeout:        cfg.IdleTimeout,
		MaxIncomingStreams:    cfg.MaxStreams,
		MaxIncomingUniStreams: maxUniStreams,
		Allow0RTT:             cfg.Resumption.allows0RTT(),
	}
	withClients := shared.Clone()
	watch := newPaths(cfg)
	withClients.GetConfigForClient = func(client *quic.ClientInfo) (*quic.Config, error) {
		addr := addrOf(client.RemoteAddr)
		place := &seat{limits: cfg.limits, prefix: cfg.limits.prefix(addr)}
		if client.AddrVerified {
			if err := place.begin(); err != nil {
				return nil, err
			}
		}
		conn := watch.begin(addr, cfg.Profile(addr))
		conn.token, conn.seat = client.AddrVerified, place
		c := clientConfig(shared, conn.profile)
		c.Tracer = conn.trace
		return c, nil
	}
	return withClients
}

// Bounds of what a profile may ask of a connection.
const (
	minKeepAlive   = 500 * time.Millisecond // more often is traffic of its own
	minIdleTimeout = 5 * time.Second        // less would cut off clients that lose a few packets
	maxIdleTimeout = time.Hour
)

// clientConfig is what one client's profile makes of the shared configuration. quic-go does not check what GetConfigForClient
// returns and panics above path.MaxInitial, which would end the process: so whatever the profile says is clamped here. An idle
// timeout of three keep-alives at least survives two that are lost in a row.
func clientConfig(shared *quic.Config, p path.Profile) *quic.Config {
	c := shared.Clone()
	c.InitialPacketSize = min(max(p.Initial, path.MinInitial), path.MaxInitial)
	c.DisablePathMTUDiscovery = !p.Search
	if p.KeepAlive > 0 {
		c.KeepAlivePeriod = min(max(p.KeepAlive, minKeepAlive), maxIdleTimeout/3)
	}
	if p.IdleTimeout > 0 {
		c.MaxIdleTimeout = min(max(p.IdleTimeout, minIdleTimeout, 3*c.KeepAlivePeriod), maxIdleTimeout)
	}
	return c
}

// verify reports whether a client without a valid token has to prove its address. It implements quic.Transport.VerifySourceAddress.
func (c Config) verify(from net.Addr) bool {
	if c.limits.mustProve(c.limits.prefix(addrOf(from))) {
		c.load.retried.Add(1)
		return true
	}
	return c.load.verify(from)
}

// tcpAddrOf is addrOf for a TCP connection.
func tcpAddrOf(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}

// addrOf returns the address of a peer, IPv4 also where a dual-stack socket reports it mapped into IPv6.
func addrOf(a net.Addr) netip.Addr {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return udp.AddrPort().Addr().Unmap()
}
