package quicsrv

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

func profileThat(sees func(addr string)) func(netip.Addr) path.Profile {
	return func(a netip.Addr) path.Profile {
		sees(a.String())
		return path.Profile{Initial: path.MinInitial}
	}
}

func TestClientConfigIsClamped(t *testing.T) {
	for initial, want := range map[uint16]uint16{0: 1200, 1: 1200, 1199: 1200, 1200: 1200, 1324: 1324, 1452: 1452, 1453: 1452, 65535: 1452} {
		for _, search := range []bool{false, true} {
			c := clientConfig(&quic.Config{}, path.Profile{Initial: initial, Search: search})
			if c.InitialPacketSize != want || c.DisablePathMTUDiscovery == search || c.Allow0RTT {
				t.Errorf("initial %d, search %v: %+v", initial, search, c)
			}
		}
	}
}

func TestTimesOfSilenceAreClamped(t *testing.T) {
	const s = time.Second
	shared := &quic.Config{MaxIdleTimeout: time.Minute}
	for _, tt := range []struct{ keepAlive, idle, wantKeepAlive, wantIdle time.Duration }{
		{0, 0, 0, time.Minute},
		{20 * s, time.Minute, 20 * s, time.Minute},
		{0, 90 * s, 0, 90 * s},
		{40 * s, time.Minute, 40 * s, 2 * time.Minute},
		{-s, -s, 0, time.Minute},
		{1, 1, 500 * time.Millisecond, 5 * s},
		{10 * time.Hour, 10 * time.Hour, 20 * time.Minute, time.Hour},
	} {
		c := clientConfig(shared, path.Profile{KeepAlive: tt.keepAlive, IdleTimeout: tt.idle})
		if c.KeepAlivePeriod != tt.wantKeepAlive || c.MaxIdleTimeout != tt.wantIdle {
			t.Errorf("%s, %s: keep-alive %s, idle timeout %s", tt.keepAlive, tt.idle, c.KeepAlivePeriod, c.MaxIdleTimeout)
		}
	}
}

func TestSilentClientIsKeptAliveAsItsProfileSays(t *testing.T) {
	t.Parallel()
	for name, keepAlive := range map[string]time.Duration{"kept": 500 * time.Millisecond, "not kept": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cert := start(t, http.NotFoundHandler(), func(c *Config) {
				c.Profile = func(netip.Addr) path.Profile { return path.Profile{KeepAlive: keepAlive, IdleTimeout: time.Minute} }
			})
			r := newRelay(t, net.UDPAddrFromAddrPort(s.Addr()))
			conn, err := dialQUIC(t, r.conn.LocalAddr().String(), cert, &quic.Config{MaxIdleTimeout: 2 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseWithError(0, "")
			if keepAlive == 0 {
				eventually(t, "the idle timeout", func() bool { return conn.Context().Err() != nil })
				return
			}
			first := r.datagrams()
			eventually(t, "ten packets in silence", func() bool { return r.datagrams() >= first+10 || conn.Context().Err() != nil })
			if err := context.Cause(conn.Context()); err != nil {
				t.Errorf("ended: %v", err)
			}
		})
	}
}

// relay stands between a client and the server and sees the sizes of the server's datagrams.
type relay struct {
	conn *net.UDPConn
	mu   sync.Mutex
	max  int
	sent int // datagrams of the server
}

func newRelay(t *testing.T, server *net.UDPAddr) *relay {
	t.Helper()
	r := &relay{conn: listenUDP(t, 0)}
	up, err := net.DialUDP("udp", nil, server)
	if err != nil {
		t.Fatal(err)
	}
	var client *net.UDPAddr
	var known sync.Mutex
	var running sync.WaitGroup
	running.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := r.conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			known.Lock()
			client = from
			known.Unlock()
			_, _ = up.Write(buf[:n])
		}
	})
	running.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, err := up.Read(buf)
			if err != nil {
				return
			}
			r.mu.Lock()
			r.max = max(r.max, n)
			r.sent++
			r.mu.Unlock()
			known.Lock()
			to := client
			known.Unlock()
			_, _ = r.conn.WriteToUDP(buf[:n], to)
		}
	})
	t.Cleanup(func() {
		_, _ = r.conn.Close(), up.Close()
		running.Wait()
	})
	return r
}

func (r *relay) largest() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.max
}

func (r *relay) datagrams() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent
}

// Profiles that no table should give must not end the process, and the handshake must go through.
func TestServerDatagramsAreSizedByTheProfile(t *testing.T) {
	for initial, want := range map[uint16]int{0: 1200, 1200: 1200, 1324: 1324, 1400: 1400, 1452: 1452, 65535: 1452} {
		t.Run(fmt.Sprint(initial), func(t *testing.T) {
			s, cert := start(t, http.NotFoundHandler(), func(c *Config) {
				c.Profile = func(netip.Addr) path.Profile { return path.Profile{Initial: initial} }
			})
			r := newRelay(t, net.UDPAddrFromAddrPort(s.Addr()))
			conn, err := dialQUIC(t, r.conn.LocalAddr().String(), cert, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseWithError(0, "")
			if got := r.largest(); got != want {
				t.Errorf("largest datagram of the handshake has %d bytes, want %d", got, want)
			}
		})
	}
}

func TestWhatIsProvenIsASizeOfPackets(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	of := func(size, proven uint16) path.Profile {
		return path.New(path.Known{MTU: mtu.Effective{MTU: size, Source: mtu.SourceCSV}, Proven: proven})
	}
	for _, tt := range []struct {
		name      string
		p         path.Profile
		four, six uint16 // payload that connections begin with
	}{
		{"nothing proven", of(1420, 0), 1200, 1200},
		{"as much as the table says", of(1420, 1420), 1372, 1372},
		{"20 bytes less", of(1420, 1400), 1372, 1352},
		{"much less", of(1420, 1300), 1272, 1252},
		{"the least", of(1420, 1248), 1220, 1200},
		{"more than the table says", of(1420, 1500), 1372, 1372},
		{"a jumbo frame", of(9000, 9000), 1452, 1452},
		{"no proof is kept", path.Profile{Initial: 1324}, 1324, 1324},
	} {
		if got4, got6 := startOf(four, tt.p), startOf(six, tt.p); got4 != tt.four || got6 != tt.six {
			t.Errorf("%s: %d over IPv4, %d over IPv6; want %d, %d", tt.name, got4, got6, tt.four, tt.six)
		}
	}
}
