package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/netnstest"
)

// patron is a quic-go client that remembers session tickets, and whose visits are connections of their own.
type patron struct {
	t    *testing.T
	ns   netnstest.NS
	tls  *tls.Config
	quic *quic.Config
	kept chan struct{} // has one for each ticket that came
}

type ticketCache struct {
	tls.ClientSessionCache
	kept chan struct{}
}

func (c ticketCache) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	if s != nil {
		c.kept <- struct{}{}
	}
}

func newPatron(t *testing.T, ns netnstest.NS) *patron {
	kept := make(chan struct{}, 64)
	return &patron{t: t, ns: ns, kept: kept, tls: &tls.Config{
		InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{http3.NextProtoH3}, // the node's certificate is self-signed
		ClientSessionCache: ticketCache{tls.NewLRUClientSessionCache(1), kept},
	}}
}

// socket opens one where the patron is.
func (p *patron) socket() (c *net.UDPConn, err error) {
	netnstest.Do(p.t, p.ns, func() { c, err = net.ListenUDP("udp4", nil) })
	return c, err
}

// visit asks for a path with the first datagrams, where a ticket allows that, and waits for a ticket. Where a node resumes the session and
// refuses the early data the visit ends with the handshake: quic-go leaves it to the client to ask again.
func (p *patron) visit(addr, path string) (state quic.ConnectionState, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	socket, err := p.socket()
	if err != nil {
		return state, err
	}
	defer socket.Close()
	for len(p.kept) > 0 { // of a visit before
		<-p.kept
	}
	conn, err := p.dial(ctx, socket, addr)
	if err != nil {
		return state, err
	}
	defer conn.CloseWithError(0, "")
	if err := p.ask(ctx, conn, path); errors.Is(err, quic.Err0RTTRejected) {
		<-conn.HandshakeComplete()
		return conn.ConnectionState(), nil
	} else if err != nil {
		return state, err
	}
	select {
	case <-p.kept:
		return conn.ConnectionState(), nil
	case <-ctx.Done():
		return state, fmt.Errorf("no ticket from %s", addr)
	}
}

func (p *patron) ask(ctx context.Context, conn *quic.Conn, path string) error {
	r, err := http.NewRequestWithContext(ctx, p.method(conn), "https://localhost"+path, nil)
	if err != nil {
		return err
	}
	resp, err := new(http3.Transport).NewClientConn(conn).RoundTrip(r) // it ends with the connection
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func (p *patron) dial(ctx context.Context, from *net.UDPConn, addr string) (*quic.Conn, error) {
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	return quic.DialEarly(ctx, from, to, p.tls, p.quic)
}

// method makes http3 send the request before the handshake is complete, if it is not.
func (p *patron) method(conn *quic.Conn) string {
	select {
	case <-conn.HandshakeComplete():
		return http.MethodGet
	default:
		return http3.MethodGet0RTT
	}
}

// capture returns what the patron sends while nobody answers: its Initial and 0-RTT packets, some of them twice.
func (p *patron) capture(path string) (flight [][]byte, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	hole, err := p.socket()
	if err != nil {
		return nil, err
	}
	defer hole.Close()
	socket, err := p.socket()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	conn, err := p.dial(ctx, socket, fmt.Sprintf("127.0.0.1:%d", hole.LocalAddr().(*net.UDPAddr).Port))
	if err != nil {
		return nil, err
	}
	defer conn.CloseWithError(0, "")
	r, err := http.NewRequestWithContext(ctx, http3.MethodGet0RTT, "https://localhost"+path, nil)
	if err != nil {
		return nil, err
	}
	h3 := &http3.Transport{}
	defer h3.Close()
	go h3.NewClientConn(conn).RoundTrip(r) // ends with the connection, unanswered
	return p.record(hole)
}

// record reads until a client's second probe, before which comes all that it has to say.
func (p *patron) record(hole *net.UDPConn) (flight [][]byte, err error) {
	if err := hole.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	for initials := 0; initials < 6; { // two of the flight, and two of each probe
		b := make([]byte, 2048)
		n, err := hole.Read(b)
		if err != nil {
			return nil, err
		}
		flight = append(flight, b[:n])
		if b[0]&0xf0 == 0xc0 {
			initials++
		}
	}
	return flight, nil
}

// TestQUICv2 asks over RFC 9369.
func TestQUICv2(t *testing.T) {
	s := serveRoot(t)
	p := newPatron(t, s.clients)
	p.quic = &quic.Config{Versions: []quic.Version{quic.Version2}}
	for visit, early := range []bool{false, true} {
		state, err := p.visit(s.addr+":443", "/index.html")
		if err != nil || state.Version != quic.Version2 || state.Used0RTT != early || state.TLS.DidResume != early {
			t.Errorf("visit %d: %v, version %s, 0-RTT %v, resumed %v", visit, err, state.Version, state.Used0RTT, state.TLS.DidResume)
		}
	}
}
