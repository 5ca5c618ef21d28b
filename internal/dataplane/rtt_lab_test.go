package dataplane

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/netnstest"
)

// relay carries datagrams from one client to a server and back, each way late by half of the round-trip time.
type relay struct {
	near, far net.PacketConn // towards the client, towards the server
	server    net.Addr
	half      time.Duration
	done      sync.WaitGroup
}

func newRelay(t *testing.T, l *lab, client netip.Addr, rtt time.Duration) *relay {
	t.Helper()
	r := &relay{server: net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer(client), 443)), half: rtt / 2}
	var err1, err2 error
	netnstest.Do(t, l.client, func() {
		r.near, err1 = net.ListenPacket("udp", "127.0.0.1:0")
		r.far, err2 = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(client, 0)))
	})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	first := make(chan net.Addr, 1) // the client's address
	r.done.Add(2)
	go func() {
		defer r.done.Done()
		r.pump(r.near, r.far, func(from net.Addr) net.Addr {
			select {
			case first <- from:
			default:
			}
			return r.server
		})
	}()
	go func() {
		defer r.done.Done()
		var to net.Addr
		r.pump(r.far, r.near, func(net.Addr) net.Addr {
			if to == nil {
				to = <-first
			}
			return to
		})
	}()
	t.Cleanup(func() { r.near.Close(); r.far.Close(); r.done.Wait() })
	return r
}

// pump reads until its socket is closed. What is late when the other one is closed is lost, as on any link.
func (r *relay) pump(from, to net.PacketConn, address func(net.Addr) net.Addr) {
	for {
		b := make([]byte, 2048)
		n, addr, err := from.ReadFrom(b)
		if err != nil {
			return
		}
		dst := address(addr)
		time.AfterFunc(r.half, func() { to.WriteTo(b[:n], dst) })
	}
}

// testCertificate is one that only InsecureSkipVerify believes.
func testCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// Every handshake of a foreign QUIC server over a link with a delay gives one sample, none shorter than the delay.
func TestHandshakesOfAForeignServerAreTimed(t *testing.T) {
	const rtt = 20 * time.Millisecond
	connections := uint64(20)
	if testing.Short() { // in emulation
		connections = 5
	}
	for _, c := range []struct {
		name   string
		client netip.Addr
		verify bool // by a Retry
	}{{"ipv4", harbin4, false}, {"ipv6", harbin6, false}, {"behind a retry", harbin4, true}} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			p := l.mustLoad(testSnapshot(t))
			var socket *net.UDPConn
			var err error
			l.do(func() {
				socket, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer(c.client), 443)))
			})
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			server := &quic.Transport{Conn: socket, VerifySourceAddress: func(net.Addr) bool { return c.verify }}
			defer server.Close()
			ln, err := server.Listen(&tls.Config{Certificates: []tls.Certificate{testCertificate(t)}, NextProtos: []string{"test"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			for range connections {
				dialThrough(t, ctx, l, newRelay(t, l, c.client, rtt), ln)
			}
			s, err := p.Stats()
			if err != nil {
				t.Fatal(err)
			}
			if len(s.RTT) != 1 || s.RTT[0].Class != heilongjiang || s.RTT[0].Samples != connections || s.RTT[0].Sum < time.Duration(connections)*rtt {
				t.Errorf("%+v: want %d samples of Heilongjiang, of %v and more", s.RTT, connections, rtt)
			}
			retries := uint64(0)
			for _, cs := range s.Classes {
				retries += cs.Retries
			}
			if c.verify && retries < connections || !c.verify && retries > 0 { // a client's first flight is of one datagram or two
				t.Errorf("%d retries counted for %d connections", retries, connections)
			}
		})
	}
}

// dialThrough connects until both ends have confirmed the handshake.
func dialThrough(t *testing.T, ctx context.Context, l *lab, r *relay, ln *quic.Listener) {
	t.Helper()
	var socket net.PacketConn
	var err error
	netnstest.Do(t, l.client, func() { socket, err = net.ListenPacket("udp", "127.0.0.1:0") })
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	client := &quic.Transport{Conn: socket}
	defer client.Close()
	conn, err := client.Dial(ctx, r.near.LocalAddr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, &quic.Config{InitialPacketSize: 1200})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	if _, err := ln.Accept(ctx); err != nil {
		t.Fatal(err)
	}
}
