package quicsrv

import (
	"context"
	"net/netip"
	"time"
)

// Client returns the address of the client of a request over HTTP/3, by the request's context: where it is now. It is never an
// IPv4-mapped one, and the zero Addr over TCP.
func Client(ctx context.Context) netip.Addr {
	c := connectionOf(ctx)
	if c == nil {
		return netip.Addr{}
	}
	return c.address()
}

// RTT returns the smoothed round-trip time of the connection of a request, by the request's context. 0: not measured yet, or the
// request came over TCP.
func RTT(ctx context.Context) time.Duration {
	c := connectionOf(ctx)
	if c == nil {
		return 0
	}
	conn := c.quic.Load()
	if conn == nil {
		return 0
	}
	return conn.ConnectionStats().SmoothedRTT
}
