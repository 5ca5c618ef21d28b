package quicsrv

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// seen keeps what a server has observed.
type seen struct {
	mu     sync.Mutex
	events []Event
	more   chan struct{}
}

func newSeen() *seen { return &seen{more: make(chan struct{}, 1024)} }

func (s *seen) Observe(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Took = max(e.Took, 0)
	s.events = append(s.events, e)
	s.more <- struct{}{}
}

func (s *seen) of(kind EventKind) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.events), func(e Event) bool { return e.Kind != kind })
}

func (s *seen) all() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// wait returns the first event of a kind.
func (s *seen) wait(t *testing.T, kind EventKind) Event {
	t.Helper()
	deadline := time.After(patience)
	for {
		if all := s.of(kind); len(all) > 0 {
			return all[0]
		}
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("no event %s: %+v", kind, s.all())
		}
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}

func proven(size uint16) func(netip.Addr) path.Profile {
	p := path.New(path.Known{MTU: mtu.Effective{MTU: size, Source: mtu.SourceCSV}, Proven: size})
	return func(netip.Addr) path.Profile { return p }
}

func unproven(size uint16) func(netip.Addr) path.Profile {
	p := path.New(path.Known{MTU: mtu.Effective{MTU: size, Source: mtu.SourceCSV}})
	return func(netip.Addr) path.Profile { return p }
}

// clientOver is an HTTP/3 client over one connection.
func clientOver(t testing.TB, conn *quic.Conn) *http.Client {
	h3 := &http3.Transport{Dial: func(context.Context, string, *tls.Config, *quic.Config) (*quic.Conn, error) { return conn, nil }, TLSClientConfig: &tls.Config{}}
	t.Cleanup(func() { _ = h3.Close() })
	return &http.Client{Transport: h3, Timeout: patience}
}

func get(t testing.TB, client *http.Client) {
	t.Helper()
	resp, err := client.Get("https://localhost/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
}

func TestFinishedHandshakeTellsTheSizeItBeganWith(t *testing.T) {
	for _, tt := range []struct {
		profile func(netip.Addr) path.Profile
		want    uint16
	}{{proven(1372), 1352}, {unproven(1372), 1228}, {proven(9000), 1480}} {
		observed := newSeen()
		s, cert := start(t, http.NotFoundHandler(), func(c *Config) { c.Profile, c.Observer = tt.profile, observed })
		conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := observed.wait(t, Finished)
		if e.MTU != tt.want || e.Addr != netip.MustParseAddr("127.0.0.1") || e.Took <= 0 {
			t.Errorf("got %+v, want %d", e, tt.want)
		}
		_ = conn.CloseWithError(0, "")
	}
}

// However short a connection is, its handshake is told, once; but for one that ends before anything was served.
func TestShortConnectionsTellTheirHandshakes(t *testing.T) {
	observed := newSeen()
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) { c.Profile, c.Observer = proven(1372), observed })
	for range 20 {
		conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
		if err != nil {
			t.Fatal(err)
		}
		get(t, clientOver(t, conn))
		_ = conn.CloseWithError(0, "")
	}
	eventually(t, "the end of all", func() bool { return s.open() == 0 && len(observed.of(Finished)) >= 20 })
	if all := observed.all(); len(all) != 20 {
		t.Errorf("%d events: %+v", len(all), all)
	}
}

func TestDiscoveryIsFollowedToItsEnd(t *testing.T) {
	observed := newSeen()
	s, cert := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }), func(c *Config) {
		c.Profile, c.Observer = unproven(1500), observed
	})
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	client := clientOver(t, conn)
	eventually(t, "a search that ends", func() bool { get(t, client); return len(observed.of(Carried)) > 0 })
	if e := observed.of(Carried)[0]; e.MTU < 1480-searchGap || e.MTU > 1480 || len(observed.of(Discovered)) > 0 {
		t.Errorf("loopback: %+v", observed.all())
	}
}

// ledger sums up the samples of an address.
type ledger map[netip.Addr]Sample

func (l ledger) add(s Sample) {
	sum := l[s.Addr]
	l[s.Addr] = Sample{Addr: s.Addr, RTT: s.RTT, Sent: sum.Sent + s.Sent, Lost: sum.Lost + s.Lost}
}

func TestPollTellsWhatIsNew(t *testing.T) {
	s, cert := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	}), nil)
	home := netip.MustParseAddr("127.0.0.1")
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOver(t, conn)
	get(t, client)
	sum := ledger{}
	eventually(t, "a sample of the download", func() bool { s.Poll(sum.add); return sum[home].Sent > 50 })
	if sum[home].RTT <= 0 || len(sum) != 1 {
		t.Errorf("got %+v", sum)
	}
	eventually(t, "silence", func() bool { n := 0; s.Poll(func(Sample) { n++ }); return n == 0 })

	get(t, client)
	_ = conn.CloseWithError(0, "")
	eventually(t, "the end of the connection", func() bool { return s.open() == 0 })
	last := ledger{}
	s.Poll(last.add)
	if last[home].Sent < 50 {
		t.Errorf("after its end: %+v", last)
	}
	s.Poll(func(again Sample) { t.Errorf("told twice: %+v", again) })
}

// open is the number of open connections.
func (s *Server) open() int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return len(s.gate.conns)
}

func TestPollAllocatesNothing(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), nil)
	for range 4 {
		conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseWithError(0, "")
	}
	eventually(t, "handshakes", func() bool {
		n := 0
		s.Poll(func(Sample) { n++ })
		return n > 0
	})
	if n := testing.AllocsPerRun(100, func() { s.Poll(func(Sample) {}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// deaf is a socket that hears nothing: a client that only sends, as one does whose source address is forged.
type deaf struct{ net.PacketConn }

func (d deaf) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.PacketConn.ReadFrom(p); err != nil {
			return 0, nil, err
		}
	}
}

func TestForgedInitialsTrainNothing(t *testing.T) {
	t.Parallel()
	observed := newSeen()
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) { c.Profile, c.Observer = proven(1420), observed })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var senders sync.WaitGroup
	for i := range 32 {
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 9, byte(i/2), byte(i%2+1))}) // two hosts of 16 networks
		if err != nil {
			t.Fatal(err)
		}
		tr := &quic.Transport{Conn: deaf{udp}}
		senders.Go(func() {
			if _, err := tr.Dial(ctx, net.UDPAddrFromAddrPort(s.Addr()), h3TLS(cert), nil); err == nil {
				t.Error("a deaf client has finished its handshake")
			}
			_, _ = tr.Close(), udp.Close()
		})
	}
	eventually(t, "forged attempts", func() bool { return s.open() == 32 })
	genuine, err := dialFrom(t, net.IPv4(127, 9, 200, 1), s, cert)
	if err != nil {
		t.Fatal(err)
	}
	defer genuine.CloseWithError(0, "")
	senders.Wait()
	s.Poll(func(sample Sample) {
		if sample.Addr.As4()[2] < 16 {
			t.Errorf("a sample of a forged address: %+v", sample)
		}
	})
	eventually(t, "the end of all that was forged", func() bool { return s.open() == 1 })
	if all := observed.of(Finished); len(all) != 1 || len(observed.all()) != 1 || all[0].MTU != 1400 {
		t.Errorf("observed %+v", observed.all())
	}
}

func h3TLS(cert *Certificate) *tls.Config {
	c := trust(cert)
	c.NextProtos = []string{http3.NextProtoH3}
	return c
}

func dialFrom(t *testing.T, ip net.IP, s *Server, cert *Certificate) (*quic.Conn, error) {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	if err != nil {
		return nil, err
	}
	tr := &quic.Transport{Conn: udp}
	t.Cleanup(func() { _, _ = tr.Close(), udp.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return tr.Dial(ctx, net.UDPAddrFromAddrPort(s.Addr()), h3TLS(cert), nil)
}

func TestSearchingConnectionsOfProvenClassesAreTracedNowAndThen(t *testing.T) {
	w := newPaths(Config{Observer: newSeen()})
	w.now = func() time.Time { return clock(0) }
	count := func(p path.Profile) (n int) {
		for range 160 {
			if c := w.begin(other, p); c.AddProducer() != nil {
				if n++; c.AddProducer() != nil {
					t.Fatal("two recorders")
				}
			}
		}
		return n
	}
	known := path.Known{MTU: mtu.Effective{MTU: 1500}, Proven: 1489}
	probing := known
	probing.Probing = true
	for name, tt := range map[string]struct {
		p    path.Profile
		want int
	}{
		"unproven":         {unproven(1420)(other), 160},
		"proven, searched": {path.New(known), 10},
		"tried again":      {path.New(probing), 160},
		"hardly proven":    {path.New(path.Known{MTU: mtu.Effective{MTU: 1420, Source: mtu.SourceCSV}, Proven: 1260}), 160},
		"proven":           {proven(1420)(other), 0},
	} {
		if got := count(tt.p); got != tt.want {
			t.Errorf("%s: %d of 160 traced, want %d", name, got, tt.want)
		}
	}
	unwatched := newPaths(Config{})
	if unwatched.begin(other, unproven(1420)(other)).AddProducer() != nil {
		t.Error("traced for nobody")
	}
}
