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
	"path/filepath"
	"time"

	"github.com/quic-go/quic-go/http3"
)

func main() {
	listen := flag.String("listen", ":443", "UDP address")
	root := flag.String("root", ".", "folder whose files are served")
	memory := flag.Bool("memory", false, "read the files once, and serve them from memory")
	flag.Parse()
	if err := serve(*listen, *root, *memory); err != nil {
		fmt.Fprintln(os.Stderr, "stock:", err)
		os.Exit(1)
	}
}

func serve(listen, root string, memory bool) error {
	cert, err := certificate()
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	handler := http.FileServer(http.Dir(root))
	if memory {
		if handler, err = inMemory(root); err != nil {
			return err
		}
	}
	s := &http3.Server{
		Addr:      listen,
		Handler:   handler,
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
	}
	return s.ListenAndServe()
}

// inMemory does as little for a request as a handler can.
func inMemory(root string) (http.Handler, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files["/"+entry.Name()], err = os.ReadFile(filepath.Join(root, entry.Name())); err != nil {
			return nil, err
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content) // an error is the client's, which is gone
	}), nil
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
