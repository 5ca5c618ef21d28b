package quicsrv

import (
	"net"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/path"
)

// quicConfig is what every connection shares. 0-RTT is on where replays can be told from first flights.
func quicConfig(cfg Config) *quic.Config {
	shared := &quic.Config{
		MaxIdleTimeout:     cfg.IdleTimeout,
		MaxIncomingStreams: cfg.MaxStreams,
		Allow0RTT:          cfg.Resumption.allows0RTT(),
	}
	withClients := shared.Clone()
	watch := newPaths(cfg)
	withClients.GetConfigForClient = func(client *quic.ClientInfo) (*quic.Config, error) {
		addr := addrOf(client.RemoteAddr)
		conn := watch.begin(addr, cfg.Profile(addr))
		conn.token = client.AddrVerified
		watch.load.begun(conn.token)
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

// addrOf returns the address of a peer, IPv4 also where a dual-stack socket reports it mapped into IPv6.
func addrOf(a net.Addr) netip.Addr {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return udp.AddrPort().Addr().Unmap()
}
