package quicsrv

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

func TestConnectionWithoutRequestsIsClosedThoughKeptAlive(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	s, cert := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(begun); <-release }), func(c *Config) {
		c.KeepFor = 300 * time.Millisecond
	})
	alive := &quic.Config{KeepAlivePeriod: 50 * time.Millisecond}
	busy, err := dialQUIC(t, s.Addr().String(), cert, alive)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	client := clientOver(t, busy)
	go func() {
		resp, err := client.Get("https://localhost/")
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}()
	<-begun
	silent, err := dialQUIC(t, s.Addr().String(), cert, alive)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the silent one", func() bool { return silent.Context().Err() != nil })
	var closed *quic.ApplicationError
	if !errors.As(context.Cause(silent.Context()), &closed) || !closed.Remote || closed.ErrorCode != noError {
		t.Errorf("ended by %v", context.Cause(silent.Context()))
	}
	if busy.Context().Err() != nil {
		t.Errorf("a running request was cut: %v", context.Cause(busy.Context()))
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	eventually(t, "the end of the other", func() bool { return busy.Context().Err() != nil })
}
