package quicsrv

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/netnstest"
	"quicedge/internal/path"
)

// behind is a client of a server whose packets meet a link that drops, without a word, what is larger than the link's MTU.
type behind struct {
	t      *testing.T
	ns     netnstest.NS
	server *Server
	cert   *Certificate
}

// The far end of a veth pair drops what exceeds its own MTU by more than a VLAN tag; the near end's is larger, and tells nobody.
func behindMTU(t *testing.T, size int, with func(*Config)) behind {
	t.Helper()
	netnstest.NeedBPF(t) // for its privilege: namespaces take root
	edge, client := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t,
		netnstest.End{NS: edge, Name: "edge0", Addrs: []string{"10.9.0.1/24", "fd09::1/64"}},
		netnstest.End{NS: client, Name: "client0", Addrs: []string{"10.9.0.2/24", "fd09::2/64"}, MTU: size})
	cert := selfSigned(t)
	cfg := Config{Listen: ":443", TLS: cert.TLSConfig(), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "x")
	})}
	with(&cfg)
	var s *Server
	var err error
	netnstest.Do(t, edge, func() { s, err = Listen(cfg) })
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return behind{t, client, s, cert}
}

// dial connects from a socket and with a connection ID of its own.
func (b behind) dial(server string, within time.Duration) (*quic.Conn, error) {
	b.t.Helper()
	var udp *net.UDPConn
	var err error
	netnstest.Do(b.t, b.ns, func() { udp, err = net.ListenUDP("udp", nil) })
	if err != nil {
		b.t.Fatal(err)
	}
	tr := &quic.Transport{Conn: udp}
	b.t.Cleanup(func() { _, _ = tr.Close(), udp.Close() })
	ctx, cancel := context.WithTimeout(b.t.Context(), within)
	defer cancel()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(server), 443))
	return tr.Dial(ctx, to, h3TLS(b.cert), &quic.Config{InitialPacketSize: path.MinInitial, DisablePathMTUDiscovery: true})
}

func TestClientBehindABlackHoleComesThroughAtItsSecondTry(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"10.9.0.1", "fd09::1"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			observed := newSeen()
			b := behindMTU(t, 1300, func(c *Config) { c.Profile, c.Observer = proven(1420), observed })
			if conn, err := b.dial(server, failedFrom+100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("a handshake of 1372 bytes came through 1300: %v, %v", conn, err)
			}
			if len(observed.all()) > 0 {
				t.Errorf("an unfinished handshake has told %+v", observed.all())
			}
			conn, err := b.dial(server, patience)
			if err != nil {
				t.Fatalf("the second try: %v", err)
			}
			defer conn.CloseWithError(0, "")
			finished, failed := observed.wait(t, Finished), observed.wait(t, Failed)
			headers := headersOf(finished.Addr)
			if finished.MTU != 1200+headers || failed.MTU != 1372+headers || failed.Addr != finished.Addr || failed.Addr.Is4() != (server == "10.9.0.1") {
				t.Errorf("finished %+v, failed %+v", finished, failed)
			}
		})
	}
}

func TestDiscoveryFindsWhatTheTableHasWrong(t *testing.T) {
	for _, server := range []string{"10.9.0.1", "fd09::1"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			observed := newSeen()
			b := behindMTU(t, 1300, func(c *Config) { c.Profile, c.Observer = unproven(1420), observed })
			conn, err := b.dial(server, patience)
			if err != nil {
				t.Fatalf("a class with nothing proven: %v", err)
			}
			defer conn.CloseWithError(0, "")
			client := clientOver(t, conn)
			eventually(t, "a search that ends", func() bool { get(t, client); return len(observed.of(Discovered))+len(observed.of(Carried)) > 0 })
			e := observed.wait(t, Discovered)
			if e.MTU < 1300-searchGap || e.MTU > 1300+4 || len(observed.of(Carried)) > 0 {
				t.Errorf("got %+v of 1300 bytes", observed.all())
			}
		})
	}
}

// The path shrinks while a connection is open: of an answer only the end comes through, which is a small packet. Then the client
// gives up without a word.
func TestConnectionThatDiesOfItsLargePacketsIsAStall(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_GSO", "true") // a link between namespaces passes what is not yet cut into datagrams
	observed := newSeen()
	b := behindMTU(t, 1500, func(c *Config) {
		p := proven(1420)(netip.Addr{})
		p.IdleTimeout, p.KeepAlive = minIdleTimeout, 0
		c.Profile, c.Observer = func(netip.Addr) path.Profile { return p }, observed
		c.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", map[string]int{"/": 1, "/large": 30_000}[r.URL.Path]))
		})
	})
	conn, err := b.dial("10.9.0.1", patience)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOver(t, conn)
	get(t, client)
	b.server.Poll(func(Sample) {})
	netnstest.SetMTU(t, b.ns, "client0", 1300)
	cut := make(chan struct{})
	defer func() { <-cut }()
	given, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	large, err := http.NewRequestWithContext(given, http.MethodGet, "https://localhost/large", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(cut)
		if resp, err := client.Do(large); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}()
	lost := uint64(0)
	eventually(t, "losses", func() bool {
		b.server.Poll(func(s Sample) { lost += s.Lost })
		return lost >= stallLosses
	})
	netnstest.SetMTU(t, b.ns, "client0", 68) // what the client says from now on is too large for its own link
	if e := observed.wait(t, Stalled); e.MTU != 1400 {
		t.Errorf("got %+v", e)
	}
}
