package quicsrv

import (
	"log/slog"
	"net/http"
)

// newTCP makes the server for clients that HTTP/3 does not reach. There is no ReadTimeout and no WriteTimeout: either would cut
// an upload or a stream in its middle. What bounds a silent client is the header timeout, the idle timeout, HTTP/2 pings, and
// the handler's own deadlines.
func newTCP(cfg Config, handler http.Handler) *http.Server {
	srv := &http.Server{
		Handler:           handler,
		TLSConfig:         tcpTLS(cfg.TLS, cfg.Resumption),
		ReadHeaderTimeout: cfg.HeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: int(cfg.MaxStreams),
			SendPingTimeout:      cfg.pingAfter, // a peer that vanished within an upload is found by a ping
			PingTimeout:          cfg.pingAfter,
		},
		// Scanners fail handshakes all day: a debug message, not news.
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(true)
	return srv
}
