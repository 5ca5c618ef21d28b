// Package acme keeps certificates that a certificate authority gives to whoever shows that it has a domain (RFC 8555). It shows so by the
// TLS handshake on the clients' own port (TLS-ALPN-01, RFC 8737), so that no other port is opened and no privilege is needed.
package acme

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/caddyserver/certmagic"
)

// Protocol is what a TLS server has to speak for the authority's question (RFC 8737, section 6.2).
const Protocol = "acme-tls/1"

// Settings say for whom certificates are kept.
type Settings struct {
	Domains []string // at least one
	Email   string   // where the authority writes to; may be empty
	CA      string   // URL of its directory. "": Let's Encrypt
	Dir     string   // account, certificates and keys; created where it is missing
	Host    string   // of the clients' address; "": every
	Port    int      // of the clients, on TCP. The authority comes to 443, which must lead there
	Log     *slog.Logger
}

// Certificates are those of the domains, renewed when two thirds of their time are over. Processes that have the same folder share them:
// one asks, and any of them answers the authority. Make it with Open; end it with Close. It is safe for concurrent use.
type Certificates struct {
	domains []string
	config  *certmagic.Config
	cache   *certmagic.Cache
	log     *slog.Logger
}

// Open makes ready to keep certificates. Nothing is read or asked before Keep.
func Open(s Settings) *Certificates {
	c := &Certificates{domains: s.Domains, log: s.Log}
	log := bridge(s.Log)
	c.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return c.config, nil },
		Logger:           log,
	})
	c.config = certmagic.New(c.cache, certmagic.Config{
		Storage:            &certmagic.FileStorage{Path: filepath.Clean(s.Dir)},
		DefaultServerName:  s.Domains[0], // for clients that name no host, or one that the node does not know
		FallbackServerName: s.Domains[0],
		OCSP:               certmagic.OCSPConfig{DisableStapling: true}, // it would make the first flight larger; authorities have ended it
		Logger:             log,
		OnEvent:            c.tell,
	})
	ca := s.CA
	if ca == "" {
		ca = certmagic.LetsEncryptProductionCA
	}
	c.config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(c.config, certmagic.ACMEIssuer{
		CA: ca, Email: s.Email, Agreed: true, // whoever names domains has agreed: the settings say so
		DisableHTTPChallenge: true, ListenHost: s.Host, AltTLSALPNPort: s.Port, Logger: log,
	})}
	return c
}

// Keep takes the certificates that there are from the folder, and asks for the others in the background until ctx ends; failures are logged
// and tried again, ever more seldom. The port must be bound. An error is that of the folder.
func (c *Certificates) Keep(ctx context.Context) error {
	if err := c.config.ManageAsync(ctx, c.domains); err != nil {
		return fmt.Errorf("keep certificates of %s: %w", strings.Join(c.domains, ", "), err)
	}
	return nil
}

// Get returns the certificate for a client, or for the authority's question; nil while there is none.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) *tls.Certificate {
	cert, err := c.config.GetCertificate(hello)
	if err != nil || len(cert.Certificate) == 0 {
		return nil
	}
	return cert
}

// tell logs what an operator wants to know without asking. It implements certmagic.Config.OnEvent; its error would stop what is told of.
func (c *Certificates) tell(_ context.Context, event string, data map[string]any) error {
	if event == "cert_obtained" {
		c.log.Info("certificate in use", "domain", data["identifier"], "renewed", data["renewal"], "from", data["issuer"])
	}
	return nil
}

// Close ends the renewals.
func (c *Certificates) Close() { c.cache.Stop() }
