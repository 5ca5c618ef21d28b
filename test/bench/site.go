package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Sizes in bytes of the files that are fetched. They are random, so that no server gains by compression.
const (
	smallSize = 1 << 10
	largeSize = 16 << 20
)

// site is what every server serves, with one certificate for all.
type site struct {
	dir, root, cert, key string
}

func newSite(dir string) (site, error) {
	s := site{dir: dir, root: filepath.Join(dir, "root"), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		return s, err
	}
	for name, size := range map[string]int{"small.bin": smallSize, "large.bin": largeSize} {
		content := make([]byte, size)
		_, _ = rand.Read(content) // never fails
		if err := os.WriteFile(filepath.Join(s.root, name), content, 0o644); err != nil {
			return s, err
		}
	}
	return s, errors.Join(s.certify(), os.Chmod(dir, 0o755))
}

func (s site) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(s.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(s.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	)
}
