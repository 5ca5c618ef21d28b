package node

import (
	"crypto/tls"
	"fmt"

	"quicedge/internal/acme"
	"quicedge/internal/config"
	"quicedge/internal/quicsrv"
	"quicedge/internal/statedir"
)

// certificate loads the operator's certificate, or makes one.
func certificate(cfg config.Config) (*quicsrv.Certificate, error) {
	if cfg.Cert == "" {
		return quicsrv.SelfSigned(nil)
	}
	return quicsrv.LoadCertificate(cfg.Cert, cfg.Key)
}

// openACME makes ready to get certificates where the settings name domains.
func (n *Node) openACME() {
	domains := n.cfg.ACMEDomains()
	if len(domains) == 0 {
		return
	}
	at, host := n.sockets.Addr(), ""
	if !at.Addr().IsUnspecified() {
		host = at.Addr().String()
	}
	n.acme = acme.Open(acme.Settings{
		Domains: domains, Email: n.cfg.ACMEEmail, CA: n.cfg.ACMECA, Dir: statedir.At(n.cfg.StateDir).ACME(),
		Host: host, Port: int(at.Port()), Log: n.log,
	})
}

// keepACME takes certificates up, and asks for them. Another process that takes over does so from then on.
func (n *Node) keepACME() error {
	if n.acme == nil {
		return nil
	}
	return n.acme.Keep(n.tending)
}

// closeACME ends the renewals. What a process goes on serving after another took over stays.
func (n *Node) closeACME() {
	if n.acme != nil {
		n.acme.Close()
	}
}

// tlsConfig presents the certificate of the moment at each handshake: that of the files, or that which ACME got, and a self-signed one until
// then.
func (n *Node) tlsConfig() *tls.Config {
	conf := n.cert.TLSConfig()
	if n.acme == nil {
		return conf
	}
	own := conf.GetCertificate
	conf.NextProtos = []string{acme.Protocol}
	conf.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c := n.acme.Get(hello); c != nil {
			return c, nil
		}
		return own(hello)
	}
	return conf
}

// certificateFact says to people where the certificate comes from.
func (n *Node) certificateFact() string {
	switch {
	case n.acme != nil:
		return "by acme for " + n.cfg.ACME + "; self-signed until there is one"
	case n.cfg.Cert == "":
		return fmt.Sprintf("self-signed, for trying out only; give your own with --cert and --key (public key sha256//%s)", n.cert.SPKI())
	}
	return n.cfg.Cert
}
