package lab

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/test/lab/link"
)

const firstByteRTT = 50 * time.Millisecond

// BenchmarkFirstByte prints after how many round trips of 50 ms clients have the first byte of an answer, from their first packet on, from
// the node and from a stock server: the median and the least of new connections (full) and of those that come back (early). A request
// over a finished handshake cannot be answered before 2, one with 0-RTT before 1. "long chain" is a node whose certificates take 4.5 KiB.
// The ClientHello takes one datagram: one of two, with a key of a post-quantum exchange, makes room for such a chain.
func BenchmarkFirstByte(b *testing.B) {
	root := b.TempDir()
	if err := os.WriteFile(filepath.Join(root, "page.txt"), []byte("a page"), 0o644); err != nil {
		b.Fatal(err)
	}
	cert, key := longChain(b)
	node := func(args ...string) starter {
		return func(ctx context.Context, l *Lab) (*Server, error) {
			return l.StartNode(ctx, Node{Program: filepath.Join(programs, "quicedge"), Folder: b.TempDir(), Root: root, Args: append(args, "--video-worker", "/nowhere")})
		}
	}
	for name, start := range map[string]starter{
		"quicedge": node(), "quicedge, long chain": node("--cert", cert, "--key", key),
		"stock": func(ctx context.Context, l *Lab) (*Server, error) {
			return l.Start(ctx, exec.Command(filepath.Join(programs, "stock"), "--root", root))
		},
	} {
		b.Run(name, func(b *testing.B) { firstBytes(b, start) })
	}
}

type starter func(context.Context, *Lab) (*Server, error)

func firstBytes(b *testing.B, start starter) {
	half := link.Path{Delay: firstByteRTT / 2}
	l := New(b, Config{Seed: 1, Classes: []Class{{ID: guangdong, Settings: link.Settings{Up: half, Down: half}}}})
	server, err := start(b.Context(), l)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			b.Error(err)
		}
	}()
	took := map[bool][]float64{}
	for b.Loop() {
		c := caller{lab: l, tickets: make(chan struct{}, 8)}
		c.tls = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{http3.NextProtoH3}, ClientSessionCache: &c}
		c.tls.CurvePreferences = []tls.CurveID{tls.X25519} // a ClientHello of one datagram
		c.sessions = tls.NewLRUClientSessionCache(1)
		for range 2 {
			early, first, err := c.call(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			took[early] = append(took[early], float64(first)/float64(firstByteRTT))
		}
	}
	for early, unit := range map[bool]string{false: "RTT-full", true: "RTT-early"} {
		if all := took[early]; len(all) > 0 {
			slices.Sort(all)
			b.ReportMetric(all[len(all)/2], unit)
			b.ReportMetric(all[0], unit+"-least")
		}
	}
	b.ReportMetric(0, "ns/op") // of both calls and the ticket: says nothing
}

// caller is a client that remembers its ticket. It implements tls.ClientSessionCache.
type caller struct {
	lab      *Lab
	tls      *tls.Config
	sessions tls.ClientSessionCache
	tickets  chan struct{}
}

func (c *caller) Get(key string) (*tls.ClientSessionState, bool) { return c.sessions.Get(key) }

func (c *caller) Put(key string, s *tls.ClientSessionState) {
	c.sessions.Put(key, s)
	if s != nil {
		c.tickets <- struct{}{}
	}
}

// call asks for the page on a connection of its own, and says whether with 0-RTT, and when the first byte was there.
func (c *caller) call(ctx context.Context) (early bool, first time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	from := Host(Net4(guangdong, 0), 1)
	socket, err := c.lab.Listen(from)
	if err != nil {
		return false, 0, err
	}
	defer socket.Close()
	begun := time.Now()
	conn, err := quic.DialEarly(ctx, socket, net.UDPAddrFromAddrPort(EdgeAddr(from)), c.tls, nil)
	if err != nil {
		return false, 0, err
	}
	defer conn.CloseWithError(0, "")
	method := http3.MethodGet0RTT
	select {
	case <-conn.HandshakeComplete():
		method = http.MethodGet
	default:
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://localhost/page.txt", nil)
	if err != nil {
		return false, 0, err
	}
	resp, err := new(http3.Transport).NewClientConn(conn).RoundTrip(r)
	if err != nil {
		return false, 0, err
	}
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		return false, 0, err
	}
	first = time.Since(begun)
	select {
	case <-c.tickets:
	case <-ctx.Done():
		return false, 0, errors.New("no ticket")
	}
	return conn.ConnectionState().Used0RTT, first, nil
}

// longChain makes a certificate of many names, which takes 4.5 KiB, and returns its files.
func longChain(b *testing.B) (cert, key string) {
	b.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	for range 70 {
		c.DNSNames = append(c.DNSNames, strings.ToLower(rand.Text())+"."+strings.ToLower(rand.Text())+".example")
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &secret.PublicKey, secret)
	if err != nil {
		b.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("the certificate takes %d bytes", len(der))
	return cert, key
}
