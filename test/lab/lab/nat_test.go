package lab

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/test/lab/link"
)

// TestSilentConnectionOutlivesItsNAT is a client that says nothing for longer than its NAT remembers: three times the timeout, at which its
// connection is idle for too long as well. With the keep-alive of its class it lives, at the port it had; with a stock server it dies, and so it
// does with a node that takes NATs for more patient than they are.
func TestSilentConnectionOutlivesItsNAT(t *testing.T) {
	timeout := 1200 * time.Millisecond
	if os.Getenv("QUICEDGE_SOAK") != "" {
		timeout = 30 * time.Second
	}
	settings := short(nil)
	settings.NAT = link.NAT{On: true, Timeout: timeout}
	for _, tt := range []struct {
		name  string
		start func(t *testing.T, l *Lab)
		lives bool
	}{
		{"stock", func(t *testing.T, l *Lab) { startStock(t, l, folder(t, 1000)) }, false},
		{"node", func(t *testing.T, l *Lab) {
			runNode(t, l, hunan, Node{Args: []string{"--nat-timeout", "30s,CTCC=" + timeout.String()}})
		}, true},
		{"node that is told ten times as much", func(t *testing.T, l *Lab) {
			runNode(t, l, hunan, Node{Args: []string{"--nat-timeout", (10 * timeout).String()}})
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := New(t, Config{Seed: 1, Classes: []Class{{ID: hunan, Settings: settings}}})
			tt.start(t, l)
			conn, err := l.Dial(t.Context(), Host(Net4(hunan, 0), 1), &quic.Config{MaxIdleTimeout: 2 * timeout})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			get(t, conn)
			heard := conn.ConnectionStats().PacketsReceived
			select {
			case <-conn.Context().Done():
			case <-time.After(3 * timeout):
			}
			c := l.Link(hunan).Counters(link.Down)
			if lived := conn.Context().Err() == nil; lived != tt.lives || tt.lives && c.Lost[link.NoPort] > 0 {
				t.Errorf("lived: %t, want %t (%v); %d packets to a port that the NAT had forgotten", lived, tt.lives, context.Cause(conn.Context()), c.Lost[link.NoPort])
			}
			if tt.lives {
				get(t, conn)
			}
			t.Logf("silent for %s, NAT %s: lives %t, heard %d packets, %d lost at a forgotten port",
				3*timeout, timeout, tt.lives, conn.ConnectionStats().PacketsReceived-heard, c.Lost[link.NoPort])
		})
	}
}

func get(t *testing.T, c *Conn) {
	t.Helper()
	resp, err := c.Get(t.Context(), FileOf(1000))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 1000 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
}
