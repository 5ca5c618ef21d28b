package quicsrv

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

const testWorkers = 4

// namedIDs are connection IDs that say in plain text which worker they belong to.
type namedIDs struct{}

var idMark = []byte("worker")

func (namedIDs) Len() int { return 14 }

func (namedIDs) New(worker uint8) []byte {
	id := make([]byte, 14)
	rand.Read(id[7:])
	copy(id, idMark)
	id[6] = worker
	return id
}

func (namedIDs) Process() uint8 { return 0 }

func (namedIDs) Place(id []byte) (process, worker uint8, ok bool) {
	return 0, id[6], bytes.HasPrefix(id, idMark)
}

// roamingConn is a client's socket whose port changes, as behind a NAT that has forgotten the flow.
type roamingConn struct {
	mu     sync.Mutex
	now    net.PacketConn
	all    []net.PacketConn
	come   chan datagram
	closed chan struct{}
	once   sync.Once
}

func newRoamingConn(t testing.TB) *roamingConn {
	t.Helper()
	r := &roamingConn{come: make(chan datagram, 64), closed: make(chan struct{})}
	r.rebind(t)
	return r
}

func (r *roamingConn) rebind(t testing.TB) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return
	}
	r.mu.Lock()
	r.now, r.all = c, append(r.all, c)
	r.mu.Unlock()
	go func() {
		for {
			buf := make([]byte, 2048)
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			select {
			case r.come <- datagram{data: buf[:n], from: from}:
			case <-r.closed:
				return
			}
		}
	}()
}

func (r *roamingConn) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case d := <-r.come:
		return copy(p, d.data), d.from, nil
	case <-r.closed:
		return 0, nil, net.ErrClosed
	}
}

func (r *roamingConn) WriteTo(p []byte, to net.Addr) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.WriteTo(p, to)
}

func (r *roamingConn) Close() error {
	r.once.Do(func() { close(r.closed) })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all {
		_ = c.Close()
	}
	return nil
}

func (r *roamingConn) LocalAddr() net.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.LocalAddr()
}
func (r *roamingConn) SetDeadline(time.Time) error      { return nil }
func (r *roamingConn) SetReadDeadline(time.Time) error  { return nil }
func (r *roamingConn) SetWriteDeadline(time.Time) error { return nil }

// roamer is an HTTP/3 client with one connection over a roamingConn.
type roamer struct {
	conn *roamingConn
	quic *quic.Conn
	h3   *http3.ClientConn
}

func newRoamer(t testing.TB, s *Server, cert *Certificate) (*roamer, error) {
	t.Helper()
	r := &roamer{conn: newRoamingConn(t)}
	transport := &quic.Transport{Conn: r.conn}
	t.Cleanup(func() { _ = r.conn.Close(); _ = transport.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conf := trust(cert)
	conf.NextProtos = []string{http3.NextProtoH3}
	var err error
	if r.quic, err = transport.Dial(ctx, net.UDPAddrFromAddrPort(s.Addr()), conf, nil); err != nil {
		return nil, err
	}
	r.h3 = (&http3.Transport{}).NewClientConn(r.quic)
	t.Cleanup(func() { _ = r.quic.CloseWithError(0, "") })
	return r, nil
}

// get asks for the client's name of its connection, which the server remembers.
func (r *roamer) get(ctx context.Context, addr string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "https://"+addr+"/", nil)
	if err != nil {
		return "", err
	}
	resp, err := r.h3.RoundTrip(req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), errors.Join(err, resp.Body.Close())
}

// startWorkers serves with several workers which the kernel does not steer for.
func startWorkers(t testing.TB, handler http.Handler) (*Server, *Certificate) {
	return start(t, handler, func(c *Config) { c.Workers, c.IDs = testWorkers, namedIDs{} })
}

var remote = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) })

// TestRebindingClientsKeepTheirConnections changes the ports of 200 clients of four workers.
func TestRebindingClientsKeepTheirConnections(t *testing.T) {
	const clients = 200
	s, cert := startWorkers(t, remote)
	var alive atomic.Int64
	var wg sync.WaitGroup
	turns := make(chan struct{}, 16)
	for range clients {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			r, err := newRoamer(t, s, cert)
			if err != nil {
				t.Error(err)
				return
			}
			_, first := r.get(t.Context(), s.Addr().String())
			r.conn.rebind(t)
			_, second := r.get(t.Context(), s.Addr().String())
			if err := errors.Join(first, second); err != nil {
				t.Error(err)
				return
			}
			alive.Add(1)
		})
	}
	wg.Wait()
	t.Logf("%d of %d connections live on, %d open", alive.Load(), clients, len(s.gate.conns))
	if alive.Load() != clients {
		t.Errorf("%d of %d connections live on", alive.Load(), clients)
	}
}

// countingIDs counts the IDs of each worker.
type countingIDs struct {
	namedIDs
	made *[testWorkers]atomic.Int64
}

func (c countingIDs) New(worker uint8) []byte {
	c.made[worker].Add(1)
	return c.namedIDs.New(worker)
}

func TestWorkersShareTheConnections(t *testing.T) {
	var made [testWorkers]atomic.Int64
	s, cert := start(t, remote, func(c *Config) { c.Workers, c.IDs = testWorkers, countingIDs{made: &made} })
	for range 64 {
		r, err := newRoamer(t, s, cert)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.get(t.Context(), s.Addr().String()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range made {
		if made[i].Load() == 0 {
			t.Errorf("worker %d of %d has had no connection out of 64", i, testWorkers)
		}
	}
}

// TestAMigratingClientKeepsItsConnection moves a connection to another socket of the client, as RFC 9000, section 9 has it.
func TestAMigratingClientKeepsItsConnection(t *testing.T) {
	s, cert := startWorkers(t, remote)
	for range 8 {
		r, err := newRoamer(t, s, cert)
		if err != nil {
			t.Fatal(err)
		}
		before, err := r.get(t.Context(), s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		other := &quic.Transport{Conn: listenUDP(t, 0)}
		t.Cleanup(func() { _ = other.Close() })
		p, err := r.quic.AddPath(other)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := p.Probe(ctx); err != nil {
			t.Fatal(err)
		}
		if err := p.Switch(); err != nil {
			t.Fatal(err)
		}
		if after, err := r.get(t.Context(), s.Addr().String()); err != nil || after == before {
			t.Errorf("after the move: %q, %v; before it %q", after, err, before)
		}
	}
}

func TestADrainOfWorkersLetsAnUploadEnd(t *testing.T) {
	s, cert := startWorkers(t, http.HandlerFunc(echo))
	var running []exchange
	for range 8 {
		client := clients(t, cert)["HTTP/3.0"]
		x := begin(t, client, "https://"+s.Addr().String()+"/")
		x.say(t, "before")
		running = append(running, x)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx) }()
	refusesNew(t, s, cert)
	for _, x := range running {
		x.say(t, "during")
		_ = x.body.Close()
	}
	if err := <-drained; err != nil {
		t.Errorf("drain: %v", err)
	}
}

func TestWhatIsNotHandedOver(t *testing.T) {
	p := &port{ids: namedIDs{}}
	id := namedIDs{}.New(3)
	long := append([]byte{0xc0, 0, 0, 0, 1, byte(len(id))}, id...)
	for name, c := range map[string]struct {
		packet []byte
		worker uint8
		ok     bool
	}{
		"short header with an id of ours": {append([]byte{0x40}, id...), 3, true},
		"long header with an id of ours":  {long, 3, true},
		"nothing":                         {nil, 0, false},
		"one byte":                        {[]byte{0x40}, 0, false},
		"long header cut":                 {long[:8], 0, false},
		"long header, other length":       {append([]byte{0xc0, 0, 0, 0, 1, 8}, id...), 0, false},
		"a client's own id":               {append([]byte{0x40}, make([]byte, 14)...), 0, false},
	} {
		if _, worker, ok := p.place(c.packet); ok != c.ok || ok && worker != c.worker {
			t.Errorf("%s: worker %d, %v", name, worker, ok)
		}
	}
}

func TestWrongWorkersAreRefused(t *testing.T) {
	cert := selfSigned(t)
	for name, cfg := range map[string]Config{
		"several without ids": {Workers: 2},
		"too many":            {Workers: MaxWorkers + 1, IDs: namedIDs{}},
		"fewer than none":     {Workers: -1, IDs: namedIDs{}},
	} {
		cfg.Listen, cfg.TLS, cfg.Handler = "127.0.0.1:0", cert.TLSConfig(), remote
		if s, err := Listen(cfg); err == nil {
			_ = s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}
