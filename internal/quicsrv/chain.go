package quicsrv

import (
	"bytes"
	"crypto/x509"
	"fmt"
)

// largestChain is how many bytes of certificates fit into the server's first flight. It may send three times what the client did, 1200
// bytes at the least (RFC 9000, section 8.1), and ServerHello, signature and packet headers take some 600 of that. With a longer chain
// the rest waits for the client: the handshake takes one round trip more. A ClientHello with a key of a post-quantum exchange takes two
// datagrams, and makes room for twice as much; not all clients send one.
const largestChain = 3000

// chainBytes is the size of the Certificate message (RFC 8446, section 4.4.2).
func chainBytes(chain [][]byte) int {
	n := 4 + 1 + 3
	for _, der := range chain {
		n += 3 + len(der) + 2
	}
	return n
}

// chainWarning says what is wrong with a chain that is too long; "" where nothing is.
func (c *Certificate) chainWarning() string {
	chain, leaf := c.current.Load().Certificate, c.Leaf()
	n := chainBytes(chain)
	if n <= largestChain {
		return ""
	}
	cure := "get a certificate with an ECDSA key (P-256), of a CA with a short chain"
	if last := chain[len(chain)-1]; len(chain) > 1 && isRoot(last) {
		cure = "leave the root, which is the last certificate, out of the file: clients have it; then " + cure
	}
	if names := len(leaf.DNSNames) + len(leaf.IPAddresses); names > 20 {
		cure += fmt.Sprintf(", and with fewer names than %d", names)
	}
	return fmt.Sprintf("the certificate chain takes %d bytes, over %d: full handshakes over HTTP/3 take a round trip more, but for clients that begin with two datagrams; %s", n, largestChain, cure)
}

func isRoot(der []byte) bool {
	c, err := x509.ParseCertificate(der)
	return err == nil && bytes.Equal(c.RawIssuer, c.RawSubject)
}
