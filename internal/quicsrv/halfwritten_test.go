package quicsrv

import (
	"bytes"
	"os"
	"testing"
)

// Every beginning of a chain or a key, and every pair that does not match, leaves the certificate in use. A chain that ends between two
// certificates is a chain.
func TestHalfWrittenOrMismatchedPairsLeaveTheOld(t *testing.T) {
	dir := t.TempDir()
	old := selfSigned(t)
	certFile, keyFile := writePair(t, old, dir)
	c, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	oldCert, oldKey := read(certFile), read(keyFile)
	writePair(t, selfSigned(t), dir)
	leaf, key := read(certFile), read(keyFile)
	chain := append(bytes.Clone(leaf), oldCert...)
	refused := func(what string, cert, key []byte) {
		t.Helper()
		for name, content := range map[string][]byte{certFile: cert, keyFile: key} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Reload(); err == nil || c.SPKI() != old.SPKI() {
			t.Errorf("%s: %v, and the old certificate is served: %v", what, err, c.SPKI() == old.SPKI())
		}
	}
	const dashes, newline = 5, 1
	for i := 0; i < len(chain); i += 3 {
		if i < len(leaf)-newline || i > len(leaf)+dashes && i < len(chain)-newline {
			refused("chain cut at "+string(chain[max(0, i-20):i]), chain[:i], key)
		}
	}
	for i := 0; i < len(key)-newline; i += 3 {
		refused("key cut", chain, key[:i])
	}
	refused("another's key", chain, oldKey)
	refused("the chain in the wrong order", append(bytes.Clone(oldCert), leaf...), key)
	refused("the key in the place of the chain", key, key)
	refused("empty files", nil, nil)

	if err := os.WriteFile(certFile, chain, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err != nil || c.SPKI() == old.SPKI() || len(c.current.Load().Certificate) != 2 {
		t.Errorf("the whole pair: %v, %d certificates", err, len(c.current.Load().Certificate))
	}
}
