package quicsrv

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

func TestServerRefusesConnectionsOverTheBound(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) { c.Limits = Limits{PrefixConns: 2} })
	addr := s.Addr().String()
	first, err := dialQUIC(t, addr, cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := tls.Dial("tcp", addr, trust(cert))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are counted", func() bool { return taken(s) == 2 })

	if conn, err := tls.Dial("tcp", addr, trust(cert)); err == nil {
		t.Error("a third over TCP is let in")
		conn.Close()
	}
	third, err := dialQUIC(t, addr, cert, nil)
	if refused := (&quic.TransportError{}); !errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused {
		t.Errorf("a third over QUIC: %v", err)
		if err == nil {
			_ = third.CloseWithError(0, "")
		}
	}
	if got := s.Refused(); got.QUIC[PrefixConns] == 0 || got.TCP[PrefixConns] != 1 {
		t.Errorf("refused %v", got)
	}
	if s.Handshakes().Retries == 0 {
		t.Error("the address was not asked to be proven: it might be forged")
	}

	_ = first.CloseWithError(0, "")
	second.Close()
	eventually(t, "the seats are left", func() bool { return taken(s) == 0 })
	conn, err := dialQUIC(t, addr, cert, nil)
	if err != nil {
		t.Fatalf("after they have left: %v", err)
	}
	_ = conn.CloseWithError(0, "")
}

// Handshakes that are under way when the last seat is taken end with H3_EXCESSIVE_LOAD (RFC 9114, section 8.1).
func TestServerClosesWhoFinishesAfterTheLastSeatIsTaken(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) { c.Limits = Limits{PrefixConns: 1} })
	hold := make(chan struct{})
	late := trust(cert)
	late.NextProtos = []string{http3.NextProtoH3}
	late.VerifyConnection = func(tls.ConnectionState) error { <-hold; return nil }
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		conn, err := quic.DialAddr(ctx, s.Addr().String(), late, nil)
		if err == nil {
			<-conn.Context().Done()
			err = context.Cause(conn.Context())
		}
		ended <- err
	}()
	eventually(t, "its handshake has begun", func() bool { return begun(s) > 0 })
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other is counted", func() bool { return taken(s) == 1 })
	close(hold)
	err = <-ended
	if over := (&quic.ApplicationError{}); !errors.As(err, &over) || over.ErrorCode != overloaded {
		t.Errorf("it ended with %v", err)
	}
	_ = conn.CloseWithError(0, "")
	eventually(t, "no seat is taken", func() bool { return taken(s) == 0 })
}

func TestHandshakesOverTheRateAreRefusedAfterAProof(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) {
		c.Limits = Limits{PrefixHandshakes: 2}
		c.clock = func() time.Time { return clock(0) } // it stands
	})
	begun, refused := 0, 0
	for range 6 {
		conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
		if err != nil {
			refused++
			continue
		}
		begun++
		_ = conn.CloseWithError(0, "")
	}
	if begun != 4 || refused != 2 || s.Refused().QUIC[PrefixHandshakes] < 2 || s.Handshakes().Retries < 4 {
		t.Errorf("%d begun, %d refused, %v, %d Retries; want two without a proof, two with one", begun, refused, s.Refused().QUIC, s.Handshakes().Retries)
	}
}

func taken(s *Server) int {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	return s.limits.total
}

// begun is how many handshakes without a proof were counted lately.
func begun(s *Server) float64 {
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	return s.load.level
}
