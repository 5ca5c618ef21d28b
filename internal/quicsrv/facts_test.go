package quicsrv

import (
	"net/http"
	"testing"
	"time"
)

func TestRoundTripTimeIsKnownToARequest(t *testing.T) {
	seen := make(chan time.Duration, 1)
	s, cert := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- RTT(r.Context()) }), nil)
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOver(t, conn)
	for end := time.Now().Add(patience); ; { // the server has none before the first ACK
		get(t, client)
		if rtt := <-seen; rtt > 0 && rtt < patience {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a connection of many requests has no round-trip time")
		}
	}
	if rtt := RTT(t.Context()); rtt != 0 {
		t.Errorf("a context of no connection has %s", rtt)
	}
}
