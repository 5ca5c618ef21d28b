package quicsrv

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/replay"
	"quicedge/internal/ticketkey"
)

// hour is a clock that tests put forward.
type hour struct{ ahead atomic.Int64 }

func (h *hour) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

func (h *hour) clock() *replay.Clock {
	began := time.Now()
	return &replay.Clock{
		Wall:   func() int64 { return h.now().UnixNano() },
		Boot:   func() int64 { return int64(time.Since(began)) + h.ahead.Load() + int64(time.Hour) },
		BootID: "test",
	}
}

// place is where the state of one node lies.
type place struct {
	keys, strikes string
	time          *hour
	clock         *replay.Clock
}

func newPlace(t testing.TB) place {
	t.Helper()
	dir, h := t.TempDir(), new(hour)
	p := place{keys: filepath.Join(dir, "keys"), strikes: filepath.Join(dir, "strikes"), time: h, clock: h.clock()}
	if err := ticketkey.Create(p.keys, h.now()); err != nil {
		t.Fatal(err)
	}
	return p
}

// another is another node with the same keys.
func (p place) another(t testing.TB) place {
	p.strikes = filepath.Join(t.TempDir(), "strikes")
	return p
}

// open is what one process of the node has.
func (p place) open() (*Resumption, *replay.Register, error) {
	ring, err := ticketkey.Open(p.keys)
	if err != nil {
		return nil, nil, err
	}
	strikes, err := replay.Open(replay.Settings{Path: p.strikes, Buckets: 1 << 10, Clock: p.clock})
	if err != nil {
		return nil, nil, err
	}
	r, err := NewResumption(ring, strikes)
	if err != nil {
		return nil, nil, err
	}
	r.now = p.time.now
	return r, strikes, r.renew()
}

func (p place) process(t testing.TB) *Resumption {
	t.Helper()
	r, strikes, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := strikes.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// workerOf serves until the end of the test.
func workerOf(t testing.TB, cert *Certificate, r *Resumption, handler http.Handler) *Server {
	t.Helper()
	s, err := Listen(Config{Listen: "127.0.0.1:0", TLS: cert.TLSConfig(), Handler: handler, Resumption: r})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return s
}

// guest is a client that remembers tickets.
type guest struct {
	tls *tls.Config
	got chan struct{} // has one for each ticket that came
}

type tickets struct {
	tls.ClientSessionCache
	got chan struct{}
}

func (c tickets) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	if s != nil {
		c.got <- struct{}{}
	}
}

func newGuest(cert *Certificate) *guest {
	g := &guest{tls: trust(cert), got: make(chan struct{}, 64)}
	g.tls.NextProtos = []string{http3.NextProtoH3}
	g.tls.ClientSessionCache = tickets{tls.NewLRUClientSessionCache(1), g.got}
	return g
}

// visit makes one request over a connection of its own and waits for the ticket.
func (g *guest) visit(t testing.TB, addr string) (used0RTT, resumed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := quic.DialAddrEarly(ctx, addr, g.tls, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(noError, "")
	method := http.MethodGet
	select {
	case <-conn.HandshakeComplete():
	default:
		method = http3.MethodGet0RTT
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	h3 := &http3.Transport{}
	defer h3.Close()
	resp, err := h3.NewClientConn(conn).RoundTrip(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	select {
	case <-conn.HandshakeComplete():
	case <-ctx.Done():
		t.Fatal("no handshake")
	}
	state := conn.ConnectionState()
	if err != nil && state.Used0RTT {
		t.Fatal(err)
	}
	select {
	case <-g.got:
	case <-ctx.Done():
		t.Fatal("no ticket")
	}
	return state.Used0RTT, state.TLS.DidResume
}

var hello = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func TestTicketIsGoodForOneEarlyFlightOnAnyWorker(t *testing.T) {
	node, cert := newPlace(t), selfSigned(t)
	first := node.process(t)
	a, b := workerOf(t, cert, first, hello), workerOf(t, cert, first, hello)
	other := workerOf(t, cert, node.process(t), hello) // of another process
	g := newGuest(cert)
	if early, resumed := g.visit(t, a.Addr().String()); early || resumed {
		t.Errorf("a first visit: early %v, resumed %v", early, resumed)
	}
	for name, s := range map[string]*Server{"the same worker": a, "another worker": b, "another process": other} {
		if early, resumed := g.visit(t, s.Addr().String()); !early || !resumed {
			t.Errorf("%s: early %v, resumed %v", name, early, resumed)
		}
	}
	if c := first.Counts(); c.Resumed < 2 || c.Early["accepted"] != 2 || c.Bytes == 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestNodesWithOneKeyFileTakeEachOthersTickets(t *testing.T) {
	here, cert := newPlace(t), selfSigned(t)
	there := here.another(t)
	a, b := workerOf(t, cert, here.process(t), hello), workerOf(t, cert, there.process(t), hello)
	g := newGuest(cert)
	g.visit(t, a.Addr().String())
	if early, resumed := g.visit(t, b.Addr().String()); early || !resumed {
		t.Errorf("while the other node has just begun: early %v, resumed %v", early, resumed)
	}
	here.time.ahead.Add(int64(time.Minute))
	g.visit(t, a.Addr().String())
	if early, resumed := g.visit(t, b.Addr().String()); !early || !resumed {
		t.Errorf("later: early %v, resumed %v", early, resumed)
	}
	stranger := newPlace(t)
	if early, resumed := g.visit(t, workerOf(t, cert, stranger.process(t), hello).Addr().String()); early || resumed {
		t.Errorf("a node with other keys: early %v, resumed %v", early, resumed)
	}
}

func TestTicketsOutliveRotationsForADay(t *testing.T) {
	node, cert := newPlace(t), selfSigned(t)
	r := node.process(t)
	s := workerOf(t, cert, r, hello)
	for after, want := range map[time.Duration]struct{ early, resumed bool }{
		ticketkey.Period: {true, true}, 24 * time.Hour: {false, true}, ticketkey.Kept + ticketkey.Period: {false, false},
	} {
		g := newGuest(cert)
		g.visit(t, s.Addr().String())
		node.time.ahead.Add(int64(after))
		if err := r.renew(); err != nil {
			t.Fatal(err)
		}
		early, resumed := g.visit(t, s.Addr().String())
		if early != want.early || resumed != want.resumed {
			t.Errorf("after %s: early %v, resumed %v", after, early, resumed)
		}
	}
}

func TestWithoutARegisterThereIsNoEarlyData(t *testing.T) {
	node, cert := newPlace(t), selfSigned(t)
	ring, err := ticketkey.Open(node.keys)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewResumption(ring, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := workerOf(t, cert, r, hello)
	g := newGuest(cert)
	g.visit(t, s.Addr().String())
	if early, resumed := g.visit(t, s.Addr().String()); early || !resumed {
		t.Errorf("early %v, resumed %v", early, resumed)
	}
}

func TestSessionsOverTCPAreResumedByAnyNode(t *testing.T) {
	here, cert := newPlace(t), selfSigned(t)
	a, b := workerOf(t, cert, here.process(t), hello), workerOf(t, cert, here.another(t).process(t), hello)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := trust(cert)
		c.MaxVersion, c.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}, Timeout: patience}
		for i, s := range []*Server{a, b} {
			resp, err := client.Get("https://" + s.Addr().String() + "/")
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := resp.TLS.DidResume; got != (i > 0) || resp.TLS.Version != version {
				t.Errorf("%s, visit %d: resumed %v", tls.VersionName(resp.TLS.Version), i, got)
			}
		}
	}
}

// capture is what a client sent while nobody answered: its Initial and 0-RTT packets, some of them twice.
func (g *guest) capture(t testing.TB, method string) [][]byte {
	t.Helper()
	hole := listenUDP(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := quic.DialAddrEarly(ctx, hole.LocalAddr().String(), g.tls, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(noError, "")
	h3 := &http3.Transport{}
	defer h3.Close()
	r, err := http.NewRequestWithContext(ctx, method, "https://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := h3.NewClientConn(conn).OpenRequestStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendRequestHeader(r); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	var flight [][]byte
	for initials := 0; initials < 4; { // the third and fourth are the first probes of a client that hears nothing
		buf := make([]byte, 2048)
		if err := hole.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := hole.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		flight = append(flight, buf[:n])
		if buf[0]&0xf0 == 0xc0 {
			initials++
		}
	}
	return flight
}

// replayTo sends a captured flight from a new address and waits for an answer, which shows that its ClientHello was read.
func replayTo(t testing.TB, flight [][]byte, addr string) {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 2048)
	for range 10 { // the machine may drop a datagram
		for _, datagram := range flight {
			if _, err := conn.Write(datagram); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience / 10)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(buf); err == nil {
			return
		}
	}
	t.Fatal("a replayed flight was not answered")
}

func TestUnsafeEarlyRequestsAreSentBack(t *testing.T) {
	for method, safe := range map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "POST": false, "PUT": false, "DELETE": false, "PATCH": false, "CONNECT": false} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			node, cert := newPlace(t), selfSigned(t)
			var ran atomic.Int32
			s := workerOf(t, cert, node.process(t), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.Method == method {
					ran.Add(1)
				}
			}))
			g := newGuest(cert)
			g.visit(t, s.Addr().String())
			ran.Store(0)
			replayTo(t, g.capture(t, method), s.Addr().String())
			if safe {
				eventually(t, "the handler", func() bool { return ran.Load() == 1 })
				return
			}
			eventually(t, "the refusal", func() bool { return s.Handshakes().TooEarly == 1 })
			if ran.Load() != 0 {
				t.Error("the handler ran")
			}
		})
	}
}

func TestUnsafeRequestsAfterTheHandshakePass(t *testing.T) {
	node := newPlace(t)
	s, cert := start(t, hello, func(c *Config) { c.Resumption = node.process(t) })
	for proto, client := range clients(t, cert) {
		for early, want := range map[string]int{"": 200, "0": 200, "1": 425} {
			r, err := http.NewRequest("POST", "https://"+s.Addr().String()+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if early != "" {
				r.Header.Set("Early-Data", early)
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want || want == 425 && resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, Early-Data %q: %d, want %d", proto, early, resp.StatusCode, want)
			}
		}
	}
}

func TestBrokenKeyFileLeavesTheKeysInUse(t *testing.T) {
	node, cert := newPlace(t), selfSigned(t)
	r := node.process(t)
	s := workerOf(t, cert, r, hello)
	g := newGuest(cert)
	g.visit(t, s.Addr().String())
	if err := os.WriteFile(node.keys, []byte("quicedge-keys 1\nnode "), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err == nil {
		t.Error("half a file is taken")
	}
	if early, resumed := g.visit(t, s.Addr().String()); !early || !resumed {
		t.Errorf("early %v, resumed %v", early, resumed)
	}
}

// Workers take flights of many clients at once, each of them on all workers: what is accepted, is once.
func TestWorkersAgreeOnAFlightThatReachesAllAtOnce(t *testing.T) {
	node, cert := newPlace(t), selfSigned(t)
	var ran atomic.Int32
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran.Add(1) })
	r := node.process(t)
	var workers []*Server
	for range 4 {
		workers = append(workers, workerOf(t, cert, r, count))
	}
	g := newGuest(cert)
	g.visit(t, workers[0].Addr().String())
	ran.Store(0)
	flight := g.capture(t, http.MethodGet)
	var all sync.WaitGroup
	for _, s := range workers {
		all.Go(func() { replayTo(t, flight, s.Addr().String()) })
	}
	all.Wait()
	c := r.Counts().Early
	if c["accepted"] > 1 || c["accepted"]+c["replayed"] != 4 {
		t.Errorf("of one flight on four workers: %v", c)
	}
	eventually(t, "the handler", func() bool { return uint64(ran.Load()) == c["accepted"] })
}
