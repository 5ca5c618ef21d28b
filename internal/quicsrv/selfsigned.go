package quicsrv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A self-signed certificate holds from an hour ago, for clients whose clock is behind, for a year: under the 398 days that
// browsers accept of any certificate.
const (
	selfSignedBefore = time.Hour
	selfSignedFor    = 365 * 24 * time.Hour
)

// SelfSigned makes a certificate in memory: ECDSA on P-256 (small, so that the handshake fits one flight), for localhost,
// 127.0.0.1, ::1, this host's name and further hosts (names or addresses). It is lost with the process.
func SelfSigned(hosts []string) (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	template, err := selfSignedTemplate(hosts, time.Now())
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make self-signed certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read back self-signed certificate: %w", err)
	}
	c := &Certificate{}
	c.current.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf})
	return c, nil
}

func selfSignedTemplate(hosts []string, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "quicedge self-signed"},
		NotBefore:             now.Add(-selfSignedBefore),
		NotAfter:              now.Add(selfSignedFor - selfSignedBefore),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	t.DNSNames, t.IPAddresses = hostNames(hosts)
	return t, nil
}

func hostNames(hosts []string) (names []string, ips []net.IP) {
	all := append([]string{"localhost", "127.0.0.1", "::1"}, hosts...)
	if self, err := os.Hostname(); err == nil && isASCII(self) {
		all = append(all, self)
	}
	for i, h := range all {
		switch ip := net.ParseIP(h); {
		case h == "" || slices.Contains(all[:i], h):
		case ip != nil:
			ips = append(ips, ip)
		default:
			names = append(names, h)
		}
	}
	return names, ips
}

// isASCII: a certificate cannot hold other names (RFC 5280, section 4.2.1.6); the host's own is then left out.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
