package quicsrv

import (
	"crypto/tls"

	"github.com/quic-go/quic-go/http3"
)

// tcpTLS takes TLS 1.2 too: the clients that need TCP are also the old ones. Go's own list of suites has no weak one. What other
// protocols the configuration names is answered with the handshake alone, as a certificate authority wants it.
func tcpTLS(base *tls.Config, resume *Resumption) *tls.Config {
	c := base.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.NextProtos = append([]string{"h2", "http/1.1"}, base.NextProtos...)
	resume.protect(c, false)
	return c
}

// quicTLS is TLS 1.3 with the ALPN of HTTP/3 (RFC 9114, section 3.1).
func quicTLS(base *tls.Config, resume *Resumption) *tls.Config {
	c := base.Clone()
	c.MinVersion = tls.VersionTLS13
	resume.protect(c, true)
	return http3.ConfigureTLSConfig(c)
}
