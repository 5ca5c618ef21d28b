package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/sys/unix"

	"quicedge/internal/dataplane"
)

const (
	echoProtocol = "echo"
	echoServer   = "127.0.0.1:443"
	echoWithin   = 10 * time.Second
)

// cidGenerator makes the connection IDs of one socket.
type cidGenerator struct {
	cids               dataplane.CIDs
	generation, socket uint8
}

func (g cidGenerator) GenerateConnectionID() (quic.ConnectionID, error) {
	return quic.ConnectionIDFromBytes(g.cids.New(g.generation, g.socket)), nil
}

func (cidGenerator) ConnectionIDLen() int { return dataplane.CIDLen }

// quicServer has several sockets on one port, and answers each stream with its name and what came.
type quicServer struct {
	name       string
	conns      []*net.UDPConn
	transports []*quic.Transport
	accepted   atomic.Int64
}

// serve starts a server. All have the same key of stateless resets, as the processes of one server do.
func (l *steerLab) serve(name string, generation uint8) *quicServer {
	l.t.Helper()
	s := &quicServer{name: name}
	tlsConf := &tls.Config{Certificates: []tls.Certificate{selfSigned(l.t)}, NextProtos: []string{echoProtocol}}
	l.t.Cleanup(s.kill)
	for i := range uint8(steerSockets) {
		conn, err := l.listenIn(net.ListenConfig{Control: sharePort}, echoServer)
		if err != nil {
			l.t.Fatal(err)
		}
		tr := &quic.Transport{
			Conn: conn, StatelessResetKey: &quic.StatelessResetKey{1},
			ConnectionIDGenerator: cidGenerator{l.steering.CIDs(), generation, i},
		}
		s.conns, s.transports = append(s.conns, conn), append(s.transports, tr)
		ln, err := tr.Listen(tlsConf, nil)
		if err != nil {
			l.t.Fatal(err)
		}
		go s.accept(ln)
	}
	return s
}

func sharePort(_, _ string, c syscall.RawConn) (err error) {
	return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }), err)
}

// kill ends the server as if its process were killed: its sockets close before it can say goodbye.
func (s *quicServer) kill() {
	for i, tr := range s.transports {
		s.conns[i].Close()
		tr.Close()
	}
}

func (s *quicServer) accept(ln *quic.Listener) {
	for {
		conn, err := ln.Accept(context.Background())
		if err != nil {
			return
		}
		s.accepted.Add(1)
		go s.echo(conn)
	}
}

func (s *quicServer) echo(conn *quic.Conn) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			defer stream.Close()
			if b, err := io.ReadAll(stream); err == nil {
				fmt.Fprint(stream, s.name, " ", string(b)) // a client that is gone reads nothing
			}
		}()
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: key}
}

// roamer is a client behind a NAT: its connection does not notice that its port changes. It is the net.PacketConn below
// the connection.
type roamer struct {
	lab  *steerLab
	tr   *quic.Transport
	quic *quic.Conn

	mu     sync.Mutex
	conn   *net.UDPConn
	closed bool
}

func (r *roamer) connect(ctx context.Context) (err error) {
	to, err := net.ResolveUDPAddr("udp", echoServer)
	if err != nil {
		return err
	}
	r.tr = &quic.Transport{Conn: r}
	r.quic, err = r.tr.Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{echoProtocol}}, nil)
	if err != nil {
		return err
	}
	_, err = r.echo() // the handshake is confirmed
	return err
}

// rebind goes on from another port; what comes to the old one is lost.
func (r *roamer) rebind() error {
	conn, err := r.lab.listenIn(net.ListenConfig{}, "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.mu.Lock()
	old := r.conn
	r.conn = conn
	r.mu.Unlock()
	if old == nil {
		return nil
	}
	return old.Close()
}

// hello is long enough for a server that does not know the connection to answer with a stateless reset, which is shorter
// than what it answers (RFC 9000, section 10.3.3).
var hello = strings.Repeat("hello ", 50)

// echo returns the name of the server that answers.
func (r *roamer) echo() (server string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), echoWithin)
	defer cancel()
	stream, err := r.quic.OpenStreamSync(ctx)
	if err != nil {
		return "", err
	}
	if err := stream.SetDeadline(time.Now().Add(echoWithin)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(stream, hello); err != nil {
		return "", err
	}
	if err := stream.Close(); err != nil {
		return "", err
	}
	b, err := io.ReadAll(stream)
	if err != nil {
		return "", err
	}
	server, body, _ := strings.Cut(string(b), " ")
	if body != hello {
		return server, fmt.Errorf("%q came back", b)
	}
	return server, nil
}

func (r *roamer) close() {
	if r.quic != nil {
		r.quic.CloseWithError(0, "")
	}
	if r.tr != nil {
		r.tr.Close()
	}
	r.Close()
}

// now is the socket of the moment.
func (r *roamer) now() (conn *net.UDPConn, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn, r.closed
}

// ReadFrom reads from the socket of the moment, and from the next where that is closed.
func (r *roamer) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		conn, closed := r.now()
		n, from, err := conn.ReadFrom(b)
		if err == nil || closed || !errors.Is(err, net.ErrClosed) {
			return n, from, err
		}
		if next, closed := r.now(); closed || next == conn {
			return n, from, err
		}
	}
}

func (r *roamer) WriteTo(b []byte, to net.Addr) (int, error) {
	for {
		conn, _ := r.now()
		n, err := conn.WriteTo(b, to)
		if next, _ := r.now(); next != conn && errors.Is(err, net.ErrClosed) {
			continue
		}
		return n, err
	}
}

func (r *roamer) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return r.conn.Close()
}

func (r *roamer) LocalAddr() net.Addr { conn, _ := r.now(); return conn.LocalAddr() }

func (r *roamer) SetDeadline(t time.Time) error { conn, _ := r.now(); return conn.SetDeadline(t) }

func (r *roamer) SetReadDeadline(t time.Time) error {
	conn, _ := r.now()
	return conn.SetReadDeadline(t)
}

func (r *roamer) SetWriteDeadline(t time.Time) error {
	conn, _ := r.now()
	return conn.SetWriteDeadline(t)
}
