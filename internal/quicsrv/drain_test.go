package quicsrv

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

func TestDrainLetsAnUploadEndAndTakesNoNewConnection(t *testing.T) {
	s, cert := start(t, http.HandlerFunc(echo), nil)
	url := "https://" + s.Addr().String() + "/"
	var running []exchange
	for _, client := range clients(t, cert) {
		x := begin(t, client, url)
		x.say(t, "before")
		running = append(running, x)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()

	refusesNew(t, s, cert)
	for _, x := range running {
		x.say(t, "during")
		_ = x.body.Close()
		if rest, err := io.ReadAll(x.resp.Body); len(rest) != 0 || err != nil {
			t.Errorf("at the end: %q, %v", rest, err)
		}
	}
	if err := <-drained; err != nil {
		t.Errorf("drain: %v", err)
	}
	listenUDP(t, int(s.Port()))
}

// refusesNew waits until the server takes no new connection, and checks that QUIC clients are told at once.
func refusesNew(t *testing.T, s *Server, cert *Certificate) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		tcp, tcpErr := net.Dial("tcp", s.Addr().String())
		if tcpErr == nil {
			_ = tcp.Close()
		}
		conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
		if err == nil {
			_ = conn.CloseWithError(0, "")
		}
		var refused *quic.TransportError
		if tcpErr != nil && errors.As(err, &refused) && refused.ErrorCode == quic.ConnectionRefused {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("while draining: tcp %v, quic %v, want both refused", tcpErr, err)
		}
	}
}

func TestDrainCutsWhatRunsAtItsDeadline(t *testing.T) {
	s, cert := start(t, http.HandlerFunc(echo), nil)
	var running []exchange
	for _, client := range clients(t, cert) {
		x := begin(t, client, "https://"+s.Addr().String()+"/")
		x.say(t, "before")
		running = append(running, x)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drain: %v, want the deadline's error", err)
	}
	for _, x := range running {
		if _, err := io.ReadAll(x.resp.Body); err == nil {
			t.Error("a request that was cut looks whole")
		}
	}
}

func TestIdleClientDoesNotHoldBackADrain(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), nil)
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil) // a client that does not know what GOAWAY is
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Errorf("drain: %v", err)
	}
	<-conn.Context().Done()
	var closed *quic.ApplicationError
	if err := context.Cause(conn.Context()); !errors.As(err, &closed) || closed.ErrorCode != noError {
		t.Errorf("the client saw %v, want H3_NO_ERROR", err)
	}
}

func TestCloseCutsADrainShort(t *testing.T) {
	s, cert := start(t, http.HandlerFunc(echo), nil)
	for _, client := range clients(t, cert) {
		begin(t, client, "https://"+s.Addr().String()+"/").say(t, "before")
	}
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(context.Background()) }()
	refusesNew(t, s, cert)
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-drained; !errors.Is(err, ErrClosed) {
		t.Errorf("drain: %v, want ErrClosed", err)
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Errorf("second drain: %v", err)
	}
}

func TestServerThatNeverServedCloses(t *testing.T) {
	for name, end := range map[string]func(*Server) error{
		"close": (*Server).Close, "drain": func(s *Server) error { return s.Drain(context.Background()) },
	} {
		s, err := Listen(Config{Listen: "127.0.0.1:0", TLS: selfSigned(t).TLSConfig(), Handler: http.NotFoundHandler()})
		if err != nil {
			t.Fatal(err)
		}
		if err := end(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		listenUDP(t, int(s.Port()))
	}
}
