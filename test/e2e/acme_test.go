package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/netnstest"
)

const (
	acmeDomain    = "edge.example"
	authorityAddr = "10.9.0.2"
	authorityURL  = "https://" + authorityAddr + ":14000/dir"
)

// TestCertificatesByACME has a certificate authority, Debian's pebble, ask a node for a domain. The node serves the certificate without a
// restart, over both protocols and with no capability; a restart and an upgrade find it in the state folder.
func TestCertificatesByACME(t *testing.T) {
	netnstest.NeedBPF(t)
	edge, world := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t,
		netnstest.End{NS: edge, Name: "edge0", Addrs: []string{floodedAddr + "/24"}},
		netnstest.End{NS: world, Name: "world0", Addrs: []string{authorityAddr + "/24"}})
	roots := authority(t, world)
	t.Setenv("QUICEDGE_ACME_CA", authorityURL)
	t.Setenv("QUICEDGE_ACME_EMAIL", "ops@"+acmeDomain)
	n := place(t, edge)
	args := []string{"--iface", "edge0", "--acme", acmeDomain, "--video-worker", "/nowhere"}
	n.start(args...)
	var issued *x509.Certificate
	n.until("a certificate of the authority", func() (ok bool) {
		issued, ok = n.presents(world, roots, "h3") // before, it presents its own
		return ok
	})
	for _, protocol := range []string{"http/1.1", "h2"} {
		if got, ok := n.presents(world, roots, protocol); !ok || !got.Equal(issued) {
			t.Errorf("over %s the certificate is another", protocol)
		}
	}
	if caps := n.status("CapEff"); caps != "0000000000000000" {
		t.Errorf("it has capabilities: %s", caps)
	}
	n.upgrade()
	if got, ok := n.presents(world, roots, "h3"); !ok || !got.Equal(issued) {
		t.Error("after an upgrade the certificate is another")
	}
	n.gone(n.cmd.Process.Pid)
	for _, sub := range []string{"", "acme", "acme/certificates"} {
		if info, err := os.Stat(filepath.Join(n.state, sub)); err != nil || sub != "" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", sub, info.Mode(), err)
		}
	}
}

// presents returns the certificate that the node presents, and whether the authority has made it.
func (n *node) presents(world netnstest.NS, roots *x509.CertPool, protocol string) (*x509.Certificate, bool) {
	n.t.Helper()
	conf := &tls.Config{RootCAs: roots, ServerName: acmeDomain, NextProtos: []string{protocol}}
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	var state tls.ConnectionState
	err := world.Within(func() error {
		if protocol != "h3" {
			conn, err := (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", net.JoinHostPort(floodedAddr, "443"))
			if err != nil {
				return err
			}
			state = conn.(*tls.Conn).ConnectionState()
			return conn.Close()
		}
		socket, err := net.ListenUDP("udp4", nil)
		if err != nil {
			return err
		}
		defer socket.Close()
		tr := &quic.Transport{Conn: socket}
		defer tr.Close()
		conn, err := tr.Dial(ctx, &net.UDPAddr{IP: net.ParseIP(floodedAddr), Port: 443}, conf, nil)
		if err != nil {
			return err
		}
		state = conn.ConnectionState().TLS
		return conn.CloseWithError(0x100, "")
	})
	if err != nil {
		return nil, false
	}
	return state.PeerCertificates[0], true
}

// status reads a line of the node's /proc/PID/status.
func (n *node) status(what string) string {
	n.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, what+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	n.t.Fatalf("the node has no %s", what)
	return ""
}

// authority runs pebble and a name server that knows one address, that of the node, and returns whom pebble's certificates are from.
func authority(t *testing.T, world netnstest.NS) *x509.CertPool {
	t.Helper()
	dir := t.TempDir()
	own := authorityCertificate(t, dir)
	t.Setenv("SSL_CERT_FILE", filepath.Join(dir, "cert.pem")) // for the node
	conf, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": authorityAddr + ":14000", "managementListenAddress": authorityAddr + ":15000",
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"), "httpPort": 80, "tlsPort": 443,
	}})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "pebble.json"), conf, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	names := exec.Command("pebble-challtestsrv", "-defaultIPv4", floodedAddr, "-defaultIPv6", "", "-dns01", "127.0.0.1:8053",
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-management", "127.0.0.1:8055")
	pebble := exec.Command("pebble", "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", "127.0.0.1:8053", "-strict")
	pebble.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	for _, cmd := range []*exec.Cmd{names, pebble} {
		startBeside(t, world, cmd)
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: own},
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			err = world.Within(func() error {
				conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
				return err
			})
			return conn, err
		},
	}}
	defer client.CloseIdleConnections()
	for end := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		resp, err := client.Get("https://" + authorityAddr + ":15000/roots/0")
		if err == nil {
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			roots := x509.NewCertPool()
			if err != nil || !roots.AppendCertsFromPEM(text) {
				t.Fatalf("the authority's root: %v %s", err, text)
			}
			return roots
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// startBeside runs a program until the end of the test.
func startBeside(t *testing.T, ns netnstest.NS, cmd *exec.Cmd) {
	t.Helper()
	out := &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := ns.Within(cmd.Start); err != nil {
		t.Fatalf("%v: it is of Debian's package pebble, which native/packages.sh test installs", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("%s says:\n%s", cmd.Path, out)
		}
	})
}

// authorityCertificate makes the certificate of the authority's own server.
func authorityCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(authorityAddr)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}
