package e2e

import (
	"errors"
	"testing"

	"github.com/quic-go/quic-go"
)

// TestLimitOfAPrefix opens as many connections as a prefix may have, and one more; another prefix has its own.
func TestLimitOfAPrefix(t *testing.T) {
	const most = 3
	t.Setenv("QUICEDGE_LIMIT_CONN_PREFIX", "3")
	n, world := flooded(t)
	var in []*visitor
	for range most {
		c, err := guest(t, world, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.leave()
		if err := c.get(); err != nil {
			t.Fatal(err)
		}
		in = append(in, c)
	}
	over, err := guest(t, world, nil)
	if refused := (&quic.TransportError{}); !errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused {
		t.Errorf("one more: %v", err)
		if err == nil {
			over.leave()
		}
	}
	if n.metric(`quicedge_quic_refused_total{reason="prefix_connections"}`) == 0 {
		t.Error("the refusal is not counted")
	}
	other, err := dialTLS(t, world, "h2") // from 10.9.0.2
	if err != nil {
		t.Fatalf("a client of another prefix: %v", err)
	}
	other.Close()
	in[0].leave()
	n.until("there is room again", func() bool { return visit(t, world) == nil })
}
