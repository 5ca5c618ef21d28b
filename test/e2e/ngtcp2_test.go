package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestNgtcp2 lets an independent client use what RFC 9000 and RFC 9114 offer. Its log has to show that it was used: shows are patterns
// of it, in their order, "!" before one that must not be there. grows is a metric of the node that counts it too, and a label of that.
// QUIC v2 (RFC 9369) is not among them: version 0.12.1 knows a draft of it alone. TestQUICv2 has it.
func TestNgtcp2(t *testing.T) {
	for name, c := range map[string]struct {
		returns bool // it has been here before
		path    string
		flags   string
		shows   []string
		grows   [2]string
	}{
		"handshake": {
			path: "index.html", shows: []string{"Negotiated cipher suite is AES-128-GCM", "Negotiated ALPN is h3", `tx \d+ Handshake CRYPTO`, "rx \\d+ 1RTT HANDSHAKE_DONE", "!type=Retry"},
			grows: [2]string{"quicedge_http_requests_total", `handler="file",proto="h3"`},
		},
		"resumption": {
			returns: true, path: "index.html", flags: "--disable-early-data", shows: []string{"HTTP stream 0 closed", "!0RTT", "!" + certificateMessage},
			grows: [2]string{"quicedge_tls_tickets_total", "resumed"},
		},
		"0-RTT": {
			returns: true, path: "index.html", shows: []string{`tx \d+ 0RTT STREAM\(\S+\) id=0x0 fin=1`, "HTTP stream 0 closed", "!rejected"},
			grows: [2]string{"quicedge_tls_early_data_total", "accepted"},
		},
		"chacha20": {path: "index.html", flags: "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305", shows: []string{"Negotiated cipher suite is CHACHA20-POLY1305"}},
		"P-384 hello retry": { // it guesses keys of two groups that the node has not
			path: "index.html", flags: "--groups=-GROUP-ALL:+GROUP-FFDHE2048:+GROUP-X448:+GROUP-SECP384R1",
			shows: []string{helloRetry, `tx 1 Initial CRYPTO\(\S+\) offset=[1-9]`, `02 00 \S\S \S\S 03 03`, "Negotiated ALPN is h3"},
		},
		"key update":          {path: "big", flags: "--key-update=10ms --delay-stream=300ms", shows: []string{"Initiate key update", "key update confirmed", "HTTP stream 0 closed"}},
		"version negotiation": {path: "index.html", flags: "--version=0x1a2a3a4a --preferred-versions=v1 --other-versions=v1", shows: []string{"type=VN", "VN v=0x00000001", "the negotiated version is 0x00000001"}},
		"migration": {
			path: "big", flags: "--change-local-addr=10ms --delay-stream=300ms",
			shows: []string{"Changing local address", `tx \d+ 1RTT PATH_CHALLENGE`, `rx \d+ 1RTT PATH_RESPONSE`, `tx \d+ 1RTT PATH_RESPONSE`, "HTTP stream 0 closed"},
		},
		"NAT rebinding": {
			path: "big", flags: "--change-local-addr=10ms --nat-rebinding --delay-stream=300ms",
			shows: []string{"Changing local address", `rx \d+ 1RTT PATH_CHALLENGE`, `tx \d+ 1RTT PATH_RESPONSE`, "HTTP stream 0 closed", "!tx \\d+ 1RTT PATH_CHALLENGE"},
		},
		"zero-length connection ID": {path: "index.html", flags: "--scid=", shows: []string{"scid=0x ", "Negotiated ALPN is h3"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := serveRoot(t)
			visitor := newNgtcp2(t, n)
			if c.returns {
				visitor.visit(c.path)
				if !visitor.fetched(c.path) {
					t.Fatal("the first visit got nothing")
				}
			}
			before := n.counted(c.grows)
			said := visitor.visit(c.path, strings.Fields(c.flags)...)
			if !visitor.fetched(c.path) {
				t.Error("it did not get what it asked for")
			}
			if missing := lacks(said, c.shows); missing != "" {
				t.Errorf("its log does not show %q:\n%s", missing, tail(said))
			}
			if after := n.counted(c.grows); c.grows[0] != "" && after != before+1 {
				t.Errorf("%v went from %v to %v", c.grows, before, after)
			}
		})
	}
}

// Messages of TLS 1.3 (RFC 8446, section 4) as the client prints them: those of a HelloRetryRequest begin like a ServerHello's, with a
// known value in the place of the random one.
const (
	helloRetry         = "02 00 \\S\\S \\S\\S 03 03 cf 21  ad 74 e5 9a"
	certificateMessage = "  0b 00 0"
)

func (n *node) counted(of [2]string) float64 {
	n.t.Helper()
	if of[0] == "" {
		return 0
	}
	return n.count(of[0], of[1])
}

// lacks returns the first pattern that a log does not have behind the one before, "" where all are there.
func lacks(log string, patterns []string) string {
	at := 0
	for _, p := range patterns {
		if forbidden, ok := strings.CutPrefix(p, "!"); ok {
			if regexp.MustCompile(forbidden).MatchString(log) {
				return p
			}
			continue
		}
		found := regexp.MustCompile(p).FindStringIndex(log[at:])
		if found == nil {
			return p
		}
		at += found[1]
	}
	return ""
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// TestNgtcp2SendsSmallDatagrams has a client whose datagrams take 1200 bytes at the most; the node's may be larger.
func TestNgtcp2SendsSmallDatagrams(t *testing.T) {
	n := serveRoot(t)
	c := newNgtcp2(t, n)
	said := c.visit("big", "--no-quic-dump", "--max-udp-payload-size=1200", "--no-pmtud")
	largest, sent := 0, regexp.MustCompile(`Sent packet: .* (\d+) bytes`).FindAllStringSubmatch(said, -1)
	for _, s := range sent {
		size, err := strconv.Atoi(s[1])
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, size)
	}
	if !c.fetched("big") || largest != 1200 {
		t.Errorf("of %d datagrams the largest takes %d bytes:\n%s", len(sent), largest, tail(said))
	}
}

// TestNgtcp2AsksTwoThousandTimes has all requests on one connection, which the node allows 100 at a time.
func TestNgtcp2AsksTwoThousandTimes(t *testing.T) {
	const requests = 2000
	n := serveRoot(t)
	said := newNgtcp2(t, n).visit("index.html", "--no-quic-dump", fmt.Sprintf("--nstreams=%d", requests))
	closed := strings.Count(said, "closed with error code 256") // H3_NO_ERROR
	connections := strings.Count(said, "Negotiated ALPN is h3")
	if closed != requests || connections != 1 {
		t.Errorf("%d requests ended on %d connections:\n%s", closed, connections, tail(said))
	}
	if got := n.count("quicedge_http_requests_total", `code="200",handler="file",proto="h3"`); got != requests {
		t.Errorf("the node answered %v", got)
	}
}
