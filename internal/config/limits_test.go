package config

import (
	"strings"
	"testing"
)

func TestLimitsOutOfRangeAreRefusedWithTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"limit_conn: -1":                     "use 0 to",
		"limit_conn_prefix: -1":              "use 0 to",
		"limit_handshakes: -1":               "use 0 to",
		"limit_handshakes_prefix: 100000000": "use 0 to",
		"limit_prefix_ipv4: 0":               "use 8 to 32",
		"limit_prefix_ipv6: 129":             "use 16 to 128",
		"limit_streams: 0":                   "use 1 to",
		"limit_header_kib: 0":                "use 1 to",
	} {
		_, err := Load(Source{Path: write(t, text)})
		if key, _, _ := strings.Cut(text, ":"); err == nil || !strings.Contains(err.Error(), "quicedge.yaml:1:") || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c, err := Load(Source{Path: write(t, "limit_conn: 0\nlimit_conn_prefix: 0\nlimit_handshakes: 0\nlimit_handshakes_prefix: 0\n")})
	if err != nil || c.LimitConn != 0 || c.LimitHandshakesPrefix != 0 {
		t.Errorf("without bounds: %v", err)
	}
}
