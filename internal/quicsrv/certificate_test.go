package quicsrv

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// writePair writes a certificate and its key as PEM and returns the files' names.
func writePair(t *testing.T, c *Certificate, dir string) (certFile, keyFile string) {
	t.Helper()
	pair := c.current.Load()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestSelfSignedNamesThisHost(t *testing.T) {
	c, err := SelfSigned([]string{"edge.example", "198.51.100.1", "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	leaf := c.Leaf()
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "edge.example", "198.51.100.1"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(leaf.DNSNames), func(n string) bool { return n != "localhost" })); n != 1 {
		t.Errorf("names %v", leaf.DNSNames)
	}
	if _, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || leaf.NotAfter.Sub(leaf.NotBefore) > 398*24*time.Hour || len(leaf.Raw) > 1000 {
		t.Errorf("%T, valid for %v, %d bytes", leaf.PublicKey, leaf.NotAfter.Sub(leaf.NotBefore), len(leaf.Raw))
	}
	if w := c.Warnings(time.Now()); len(w) != 0 || len(c.SPKI()) != 44 {
		t.Errorf("warnings %v, spki %q", w, c.SPKI())
	}
	if err := c.Reload(); err != nil {
		t.Errorf("reload of a certificate without files: %v", err)
	}
}

func TestLoadCertificateSaysWhatIsWrong(t *testing.T) {
	certFile, keyFile := writePair(t, selfSigned(t), t.TempDir())
	_, otherKey := writePair(t, selfSigned(t), t.TempDir())
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ cert, key, want string }{
		"good":         {certFile, keyFile, ""},
		"no key named": {certFile, "", "give both --cert and --key"},
		"missing file": {certFile + "x", keyFile, "check the path"},
		"other key":    {certFile, otherKey, "give the key that this certificate was issued for"},
		"not pem":      {text, keyFile, "no PEM block"},
		"swapped":      {keyFile, certFile, "the first file is the chain"},
		"a folder":     {t.TempDir(), keyFile, "not a file"},
	} {
		_, err := LoadCertificate(c.cert, c.key)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := LoadCertificate(certFile+"x", keyFile); err == nil || !strings.Contains(err.Error(), fs.ErrNotExist.Error()) && !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing file: %v", err)
	}
}

func TestExpiryIsWarnedAbout(t *testing.T) {
	certFile, keyFile := writePair(t, selfSigned(t), t.TempDir())
	c, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	end := c.Leaf().NotAfter
	for want, now := range map[string]time.Time{
		"expired on": end.Add(time.Second), "expires on": end.Add(-time.Hour), "not valid before": c.Leaf().NotBefore.Add(-time.Hour),
	} {
		if w := c.Warnings(now); len(w) != 1 || !strings.Contains(w[0], want) {
			t.Errorf("warnings %q, want one with %q", w, want)
		}
	}
}

func TestChangedFilesAreServedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePair(t, selfSigned(t), dir)
	c, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	served := func() *tls.Certificate {
		cert, err := c.TLSConfig().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	before := served()
	if err := os.WriteFile(certFile, []byte("half a write"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	outcomes := make(chan error)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.Watch(ctx, time.Millisecond, func(err error) {
			select {
			case outcomes <- err:
			case <-ctx.Done():
			}
		})
	}()
	if err := <-outcomes; err == nil || served() != before {
		t.Errorf("broken file: %v, and the old certificate is gone: %v", err, served() != before)
	}
	next := selfSigned(t)
	writePair(t, next, dir)
	for err := range outcomes {
		if err == nil {
			break
		}
	}
	if served() == before || c.SPKI() != next.SPKI() {
		t.Error("the new certificate is not served")
	}
	cancel()
	<-watched
}

func TestLongChainIsWarnedAboutWithTheCure(t *testing.T) {
	leaf := selfSigned(t)
	der := leaf.current.Load().Certificate[0]
	many := make([]string, 120)
	for i := range many {
		many[i] = fmt.Sprintf("host-%d.of.a.long.domain.example", i)
	}
	crowd, err := SelfSigned(many)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		chain [][]byte
		leaf  *Certificate
		want  []string
	}{
		"short":          {[][]byte{der}, leaf, nil},
		"just fits":      {[][]byte{der, make([]byte, largestChain-len(der)-18)}, leaf, nil},
		"one byte more":  {[][]byte{der, make([]byte, largestChain-len(der)-17)}, leaf, []string{"3001 bytes", "ECDSA"}},
		"with its root":  {[][]byte{der, make([]byte, 3000), der}, leaf, []string{"leave the root"}},
		"too many names": {crowd.current.Load().Certificate, crowd, []string{"fewer names than 12"}},
	} {
		c := &Certificate{}
		c.current.Store(&tls.Certificate{Certificate: tt.chain, Leaf: tt.leaf.Leaf()})
		warnings := strings.Join(c.Warnings(time.Now()), "\n")
		if (warnings == "") != (tt.want == nil) {
			t.Errorf("%s: %q", name, warnings)
		}
		for _, want := range tt.want {
			if !strings.Contains(warnings, want) {
				t.Errorf("%s: no %q in %q", name, want, warnings)
			}
		}
	}
}
