// Stock is an HTTP/3 server with the defaults of quic-go, for comparison: it serves the files of a folder.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"time"

	"github.com/quic-go/quic-go/http3"
)

func main() {
	listen := flag.String("listen", ":443", "UDP address")
	root := flag.String("root", ".", "folder whose files are served")
	flag.Parse()
	if err := serve(*listen, *root); err != nil {
		fmt.Fprintln(os.Stderr, "stock:", err)
		os.Exit(1)
	}
}

func serve(listen, root string) error {
	cert, err := certificate()
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	s := &http3.Server{
		Addr:      listen,
		Handler:   http.FileServer(http.Dir(root)),
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
	}
	return s.ListenAndServe()
}

func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
