package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// Conn is a client's connection to the edge, with its handshake done.
type Conn struct {
	*quic.Conn
	http      *http3.ClientConn
	transport *quic.Transport
	socket    *net.UDPConn // kept: it must not be collected
}

// Listen opens a UDP socket at a client's address.
func (l *Lab) Listen(from netip.Addr) (*net.UDPConn, error) {
	var socket *net.UDPConn
	err := l.Clients.Within(func() (err error) {
		socket, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open a socket of client %s: %w", from, err)
	}
	return socket, nil
}

// Dial connects a client to the edge by HTTP/3, from a port of its own, and waits for the handshake. Nil is the configuration of quic-go's
// defaults. The server's certificate is not checked.
func (l *Lab) Dial(ctx context.Context, from netip.Addr, conf *quic.Config) (*Conn, error) {
	socket, err := l.Listen(from)
	if err != nil {
		return nil, err
	}
	return dial(ctx, socket, EdgeAddr(from), conf)
}

func dial(ctx context.Context, socket *net.UDPConn, to netip.AddrPort, conf *quic.Config) (*Conn, error) {
	c := &Conn{transport: &quic.Transport{Conn: socket}, socket: socket}
	secure := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{http3.NextProtoH3}}
	var err error
	if c.Conn, err = c.transport.Dial(ctx, net.UDPAddrFromAddrPort(to), secure, conf); err != nil {
		return nil, errors.Join(fmt.Errorf("connect %s to the edge: %w", socket.LocalAddr(), err), c.transport.Close(), socket.Close())
	}
	c.http = (&http3.Transport{}).NewClientConn(c.Conn)
	return c, nil
}

// Get requests a path of the edge. The body must be closed.
func (c *Conn) Get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://localhost"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("get %s: %s", path, resp.Status), resp.Body.Close())
	}
	return resp, nil
}

// Close closes the connection, tells the edge so, and closes the socket.
func (c *Conn) Close() error {
	return errors.Join(c.CloseWithError(0, ""), c.transport.Close(), c.socket.Close())
}
