package quicsrv

import (
	"net"
	"net/netip"

	"github.com/quic-go/quic-go"

	"quicedge/internal/path"
)

// quicConfig is what every connection shares. 0-RTT stays off until replays can be told from first flights.
func quicConfig(cfg Config) *quic.Config {
	shared := &quic.Config{
		MaxIdleTimeout:     cfg.IdleTimeout,
		MaxIncomingStreams: cfg.MaxStreams,
		Allow0RTT:          false,
	}
	withClients := shared.Clone()
	withClients.GetConfigForClient = func(client *quic.ClientInfo) (*quic.Config, error) {
		return clientConfig(shared, cfg.Profile(addrOf(client.RemoteAddr))), nil
	}
	return withClients
}

// clientConfig sizes the packets to one client. quic-go does not check what GetConfigForClient returns and panics above
// path.MaxInitial, which would end the process: so whatever the profile says is clamped here.
func clientConfig(shared *quic.Config, p path.Profile) *quic.Config {
	c := shared.Clone()
	c.InitialPacketSize = min(max(p.Initial, path.MinInitial), path.MaxInitial)
	c.DisablePathMTUDiscovery = !p.Search
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
