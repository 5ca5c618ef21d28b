package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/netnstest"
)

const (
	narrowMTU = 1380     // what the client's link carries; larger packets vanish, and no ICMP error comes of them
	download  = 10 << 20 // bytes
)

// newBlackHole is an edge and a client whose device takes nothing larger than narrowMTU, while every route says 1500.
func newBlackHole(t *testing.T) (edge, client netnstest.NS) {
	t.Helper()
	edge, client = netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t,
		netnstest.End{NS: edge, Name: "edge0", Addrs: []string{edgeAddr + "/24"}, Routes: []netnstest.Route{{To: "198.51.100.0/24", Via: "10.9.0.2"}}},
		netnstest.End{NS: client, Name: "client0", Addrs: []string{"10.9.0.2/24", "198.51.100.7/32"}, MTU: narrowMTU})
	segmentBeforeTheWire(t, edge, "edge0")
	return edge, client
}

// plainConn hides that it is a UDP socket, as wrappers do. quic-go then leaves path MTU discovery to the kernel, like many
// servers: packets go out with DF set, until the kernel has been told of a smaller MTU.
type plainConn struct{ net.PacketConn }

// foreignServer serves a download on port 443, with packets that are too large for the path from the first one on.
func foreignServer(t *testing.T, edge netnstest.NS) {
	t.Helper()
	var conn net.PacketConn
	var err error
	netnstest.Do(t, edge, func() { conn, err = net.ListenPacket("udp4", edgeAddr+":443") })
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	tr := &quic.Transport{Conn: plainConn{conn}}
	ln, err := tr.ListenEarly(
		http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}),
		&quic.Config{InitialPacketSize: 1400, DisablePathMTUDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, download)
	server := &http3.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.ServeListener(ln)
	}()
	t.Cleanup(func() {
		server.Close()
		ln.Close()
		tr.Close()
		conn.Close()
		<-ended
	})
}

// fetchBody downloads, and returns how much came and how long it took.
func fetchBody(t *testing.T, client netnstest.NS, within time.Duration) (got int64, took time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+edgeAddr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	resp, err := newClient(t, client).Do(req)
	if err != nil {
		return 0, time.Since(begun), err
	}
	defer resp.Body.Close()
	got, err = io.Copy(io.Discard, resp.Body)
	return got, time.Since(begun), err
}

// TestForeignServerGetsThroughABlackHole lets a QUIC server that is not ours serve a path that swallows its packets without a
// word: by itself it gets nothing through, and with the data plane on its host, which tells it what the path does not, everything.
func TestForeignServerGetsThroughABlackHole(t *testing.T) {
	netnstest.NeedBPF(t)
	t.Run("without the data plane", func(t *testing.T) {
		edge, client := newBlackHole(t)
		foreignServer(t, edge)
		got, took, err := fetchBody(t, client, 6*time.Second)
		if err == nil {
			t.Errorf("downloaded %d bytes: the path is no black hole", got)
		}
		t.Logf("%d bytes, given up after %s: %v", got, took.Round(time.Millisecond), err)
	})
	prefixes := filepath.Join(t.TempDir(), "prefixes.csv")
	if err := os.WriteFile(prefixes, []byte("prefix,province_id,isp\n198.51.100.0/24,23,CMCC\n10.9.0.2/32,23,CMCC\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"tcx", "clsact"} {
		t.Run("with it by "+mode, func(t *testing.T) {
			edge, client := newBlackHole(t)
			foreignServer(t, edge)
			n := place(t, edge)
			for _, args := range [][]string{
				{"load", "--iface", "edge0", "--mode", mode, "--prefixes", prefixes},
				{"mtu", "set", "--province", "23", "--isp", "CMCC", fmt.Sprint(narrowMTU)},
			} {
				if code, _, errs := n.run(args...); code != 0 {
					t.Fatalf("%v: exit %d, %s", args, code, errs)
				}
			}
			t.Cleanup(func() { n.run("unload", "--iface", "edge0") })
			wire := sniff(t, client, "client0", 443)
			got, took, err := fetchBody(t, client, patience)
			if err != nil || got != download {
				t.Errorf("downloaded %d bytes, %v", got, err)
			}
			size, count := wire.largest()
			if size > narrowMTU || count == 0 {
				t.Errorf("%d packets, the largest of %d bytes", count, size)
			}
			t.Logf("%d bytes in %s, the largest packet of %d bytes", got, took.Round(time.Millisecond), size)
		})
	}
}
