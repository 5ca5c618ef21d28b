package node

import (
	"strings"
	"testing"

	"quicedge/internal/quicsrv"
)

func TestHandshakeMetricsShowHowClientsCameIn(t *testing.T) {
	got := scrape(t, newHandshakeMetrics(
		func() quicsrv.HandshakeCounts {
			return quicsrv.HandshakeCounts{Retries: 1, TooEarly: 2, Followed: 3, Repeated: 4}
		},
		func() quicsrv.ResumptionCounts {
			return quicsrv.ResumptionCounts{Resumed: 5, Unknown: 6, Early: map[string]uint64{"accepted": 7, "replayed": 8}, Bytes: 9}
		},
	))
	for _, want := range []string{
		"quic_retries_total 1", "http_too_early_total 2", "quic_handshakes_followed_total 3", "quic_initials_repeated_total 4",
		`tls_tickets_total{result="resumed"} 5`, `tls_tickets_total{result="unknown"} 6`,
		`tls_early_data_total{verdict="accepted"} 7`, `tls_early_data_total{verdict="replayed"} 8`, "strike_register_bytes 9",
	} {
		if !strings.Contains(got, "quicedge_"+want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
