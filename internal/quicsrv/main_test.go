package quicsrv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		replayChild(dir)
		return
	}
	// net/http lingers half a second after it has answered a client that still sends: longer than goleak looks.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience bounds every wait of these tests.
const patience = 10 * time.Second

func selfSigned(t testing.TB) *Certificate {
	t.Helper()
	cert, err := SelfSigned(nil)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// start serves a handler on loopback and closes the server after the test.
func start(t testing.TB, handler http.Handler, with func(*Config)) (*Server, *Certificate) {
	t.Helper()
	cert := selfSigned(t)
	cfg := Config{Listen: "127.0.0.1:0", TLS: cert.TLSConfig(), Handler: handler}
	if with != nil {
		with(&cfg)
	}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return s, cert
}

// serve runs a server until the end of the test.
func serve(t testing.TB, s *Server) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func trust(cert *Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf())
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// clients returns a client for each protocol that trusts cert.
func clients(t testing.TB, cert *Certificate) map[string]*http.Client {
	t.Helper()
	h3 := &http3.Transport{TLSClientConfig: trust(cert)}
	all := map[string]*http.Client{"HTTP/3.0": {Transport: h3, Timeout: patience}}
	t.Cleanup(func() { _ = h3.Close() })
	for proto, http2 := range map[string]bool{"HTTP/2.0": true, "HTTP/1.1": false} {
		tr := &http.Transport{TLSClientConfig: trust(cert), Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(!http2)
		tr.Protocols.SetHTTP2(http2)
		t.Cleanup(tr.CloseIdleConnections)
		all[proto] = &http.Client{Transport: tr, Timeout: patience}
	}
	return all
}

func dialQUIC(t testing.TB, addr string, cert *Certificate, conf *quic.Config) (*quic.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := trust(cert)
	c.NextProtos = []string{http3.NextProtoH3}
	return quic.DialAddr(ctx, addr, c, conf)
}

func listenUDP(t testing.TB, port int) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
