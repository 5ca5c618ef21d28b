package node

import (
	"strings"
	"testing"

	"quicedge/internal/quicsrv"
)

func TestRefusalMetricsNameTheBound(t *testing.T) {
	got := scrape(t, newRefusalMetrics(func() quicsrv.Refused {
		return quicsrv.Refused{
			QUIC: map[quicsrv.Refusal]uint64{quicsrv.PrefixConns: 1, quicsrv.NodeHandshakes: 2},
			TCP:  map[quicsrv.Refusal]uint64{quicsrv.OpenFiles: 3},
		}
	}))
	for _, want := range []string{
		`quic_refused_total{reason="prefix_connections"} 1`, `quic_refused_total{reason="node_handshakes"} 2`, `tcp_refused_total{reason="open_files"} 3`,
	} {
		if !strings.Contains(got, "quicedge_"+want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
