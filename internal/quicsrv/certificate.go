package quicsrv

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// soon is how long before its end a certificate is warned about: half of what short-lived ACME certificates have left when
// their renewal is due.
const soon = 7 * 24 * time.Hour

// Certificate is a chain and its key that can be exchanged while connections use it.
type Certificate struct {
	certFile, keyFile string // empty where it was made in memory
	current           atomic.Pointer[tls.Certificate]

	reload sync.Mutex   // one reload at a time
	loaded [2]fileStamp // of the files in use; zero after a reload that failed
}

// LoadCertificate reads a chain and its private key from PEM files. The error says which file is at fault and what to do.
// An expired certificate loads, since a node that serves it can still be reached by its operator: see Warnings.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again. After an error the certificate in use stays. Without files it does nothing.
func (c *Certificate) Reload() error {
	if c.certFile == "" && c.keyFile == "" && c.current.Load() != nil {
		return nil
	}
	c.reload.Lock()
	defer c.reload.Unlock()
	stamp := c.stamp()
	c.loaded = [2]fileStamp{}
	pair, err := readPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.loaded = stamp
	c.current.Store(&pair)
	return nil
}

// TLSConfig returns a configuration that presents whichever certificate is current at each handshake.
func (c *Certificate) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}

// Leaf returns the server's own certificate.
func (c *Certificate) Leaf() *x509.Certificate { return c.current.Load().Leaf }

// SPKI returns the base64 of the SHA-256 of the public key, as Chromium's --ignore-certificate-errors-spki-list and
// curl's --pinnedpubkey (after "sha256//") take it.
func (c *Certificate) SPKI() string {
	sum := sha256.Sum256(c.Leaf().RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Warnings says what is wrong with the certificate at a time, with the cure. Each ends one sentence for the log.
func (c *Certificate) Warnings(now time.Time) []string {
	leaf := c.Leaf()
	day := func(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }
	var all []string
	switch {
	case now.After(leaf.NotAfter):
		all = append(all, "the certificate expired on "+day(leaf.NotAfter)+": clients refuse it; renew it and reload")
	case now.Add(soon).After(leaf.NotAfter) && c.certFile != "":
		all = append(all, "the certificate expires on "+day(leaf.NotAfter)+": renew it and reload")
	case now.Before(leaf.NotBefore):
		all = append(all, "the certificate is not valid before "+day(leaf.NotBefore)+": check the clock of this host")
	}
	if len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0 {
		all = append(all, "the certificate names no host in its subjectAltName: clients refuse it; issue it with one")
	}
	if long := c.chainWarning(); long != "" {
		all = append(all, long)
	}
	return all
}

func readPair(certFile, keyFile string) (tls.Certificate, error) {
	if certFile == "" || keyFile == "" {
		return tls.Certificate{}, errors.New("load certificate: one file is not named: give both --cert and --key, or neither")
	}
	certPEM, err := readPEM("certificate", certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readPEM("key", keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("load certificate %s with key %s: %w: %s", certFile, keyFile, err, pairCure(err))
	}
	return pair, nil
}

func fileCure(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "check the path, or leave --cert and --key out for a self-signed certificate"
	case errors.Is(err, fs.ErrPermission):
		return "let the user that runs the node read it"
	}
	return "give a PEM file"
}
