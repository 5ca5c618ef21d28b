package node

import (
	"net/http"
	"time"

	"quicedge/internal/config"
	"quicedge/internal/quicsrv"
)

// limits are what clients may take by the settings.
func limits(cfg config.Config) quicsrv.Limits {
	return quicsrv.Limits{
		IPv4Bits: cfg.LimitPrefixIPv4, IPv6Bits: cfg.LimitPrefixIPv6,
		PrefixConns: cfg.LimitConnPrefix, Conns: cfg.LimitConn,
		PrefixHandshakes: cfg.LimitHandshakesPrefix, Handshakes: cfg.LimitHandshakes,
	}
}

// operatorServer serves operators. What they ask may take long, as an upload or a program's update does; what they do not ask may not.
func operatorServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
}
