package quicsrv

import (
	"context"
	"time"
)

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
