package quicsrv

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// slow is a server whose patience is short.
func slow(t *testing.T, handler http.HandlerFunc) (*Server, *Certificate) {
	return start(t, handler, func(c *Config) {
		c.IdleTimeout, c.KeepFor, c.HeaderTimeout, c.pingAfter = time.Second, time.Second, 200*ms, 200*ms
	})
}

// Over TCP: the TLS handshake, the header of HTTP/1.1, the preface and a header of HTTP/2, each begun and never ended.
func TestTCPClientsThatSayNothingMoreAreClosed(t *testing.T) {
	http2Header := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0, 0, 0, 4, 0, 0, 0, 0, 0) // SETTINGS
	http2Header = append(http2Header, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82)                           // HEADERS of stream 1, to be continued
	for name, c := range map[string]struct {
		protocol string // "": no TLS
		says     []byte
	}{
		"nothing":                   {"", nil},
		"a begun TLS handshake":     {"", []byte{0x16, 3, 1, 2, 0, 1}},
		"nothing over TLS":          {"http/1.1", nil},
		"a begun header":            {"http/1.1", []byte("GET / HTTP/1.1\r\nHost: x\r\n")},
		"a begun header of HTTP/2":  {"h2", http2Header},
		"a begun preface of HTTP/2": {"h2", http2Header[:10]}, // net/http waits 10 seconds for the rest
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cert := slow(t, func(http.ResponseWriter, *http.Request) { t.Error("a request has reached the handler") })
			conn, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if c.protocol != "" {
				conf := trust(cert)
				conf.NextProtos = []string{c.protocol}
				conn = tls.Client(conn, conf)
			}
			if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(c.says); err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, conn) // what comes is not answered
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it is not closed")
			}
			eventually(t, "it is counted no more", func() bool { return s.Connections() == 0 && taken(s) == 0 })
		})
	}
}

// A client that begins the header of a request over HTTP/3, and keeps its connection alive, is one without requests.
func TestRequestThatIsNeverWholeHoldsNoConnection(t *testing.T) {
	t.Parallel()
	s, cert := slow(t, func(http.ResponseWriter, *http.Request) { t.Error("a request has reached the handler") })
	conn, err := dialQUIC(t, s.Addr().String(), cert, &quic.Config{KeepAlivePeriod: 50 * ms})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := conn.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write([]byte{1, 0x44, 0, 0}); err != nil { // HEADERS of 1024 bytes
		t.Fatal(err)
	}
	eventually(t, "the end of the connection", func() bool { return conn.Context().Err() != nil && s.Connections() == 0 })
}

// mute is a client's socket that can be made to send no more. Nothing that the server sends is acknowledged then.
type mute struct {
	net.PacketConn
	on atomic.Bool
}

func (m *mute) WriteTo(b []byte, to net.Addr) (int, error) {
	if m.on.Load() {
		return len(b), nil
	}
	return m.PacketConn.WriteTo(b, to)
}

func TestClientsThatAcknowledgeNothingAreGivenUp(t *testing.T) {
	t.Parallel()
	var wrote atomic.Int64
	begun, ended := make(chan struct{}), make(chan error, 1)
	s, cert := slow(t, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		for {
			n, err := w.Write(bytes.Repeat([]byte("x"), 64<<10))
			if wrote.Add(int64(n)); err != nil {
				ended <- err
				return
			}
		}
	})
	client := &mute{PacketConn: listenUDP(t, 0)}
	tr := &quic.Transport{Conn: client}
	defer tr.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conf := trust(cert)
	conf.NextProtos = []string{http3.NextProtoH3}
	conn, err := tr.Dial(ctx, net.UDPAddrFromAddrPort(s.Addr()), conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if resp, err := clientOver(t, conn).Get("https://localhost/"); err == nil { // its body is not read
			<-ctx.Done()
			_ = resp.Body.Close()
		}
	}()
	<-begun
	client.on.Store(true)
	if err := <-ended; err == nil {
		t.Error("the handler was not told")
	}
	eventually(t, "nothing is left of the connection", func() bool { return s.Connections() == 0 && taken(s) == 0 })
	if got := wrote.Load(); got > 32<<20 {
		t.Errorf("the server took %d bytes for a client that acknowledged none", got)
	}
	cancel()
	_ = conn.CloseWithError(0, "")
	<-answered
}
