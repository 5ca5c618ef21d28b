package quicsrv

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/qlog"
)

// crowd is what comes to a server each second of virtual time, evenly.
type crowd struct {
	finish  int           // handshakes that finish after took
	took    time.Duration // under a Retry twice that
	abandon int           // handshakes that do not, and do not answer a Retry
	tokens  int           // handshakes that begin with a token of an earlier connection
}

// run lets a crowd come for some seconds and returns the share of handshakes without a token that got a Retry, in percent.
func (c crowd) run(l *retryLoad, at *time.Duration, seconds int) int {
	l.now = func() time.Time { return clock(*at) }
	type end struct {
		at        time.Duration
		retried   bool
		validated bool
	}
	var ends []end
	asked, retried := 0, 0
	every := func(n, i int) bool { return n > 0 && i*n/10000 != (i+1)*n/10000 }
	for i := range seconds * 10000 {
		*at += 100 * time.Microsecond
		for len(ends) > 0 && ends[0].at <= *at {
			e := ends[0]
			ends = ends[1:]
			if e.retried { // it comes back with the token
				ends = append(ends, end{at: *at + c.took, validated: true})
				continue
			}
			l.finished(e.validated)
		}
		if every(c.finish, i%10000) {
			asked++
			from := &net.UDPAddr{IP: net.IPv4(10, byte(i>>16), byte(i>>8), byte(i)), Port: 4433}
			e := end{at: *at + c.took, retried: l.verify(from)}
			if e.retried {
				l.verify(from) // the second Initial of its ClientHello
				retried++
			}
			ends = append(ends, e)
		}
		if every(c.abandon, i%10000) {
			asked++
			if l.verify(nil) {
				retried++
			}
		}
		if every(c.tokens, i%10000) {
			l.finished(true)
		}
	}
	return 100 * retried / max(asked, 1)
}

func TestRetryFollowsUnfinishedHandshakesNotTheirNumber(t *testing.T) {
	for name, tt := range map[string]struct {
		crowd    crowd
		from, to int // percent that get a Retry
	}{
		"few":                                  {crowd{finish: 10, took: 50 * ms}, 0, 0},
		"thousands that finish":                {crowd{finish: 5000, took: 50 * ms}, 0, 0},
		"thousands far away":                   {crowd{finish: 2000, took: 200 * ms}, 0, 0},
		"a fifth of them give up":              {crowd{finish: 1000, abandon: 200, took: 100 * ms}, 0, 0},
		"some that never finish":               {crowd{abandon: 60}, 0, 0},
		"a flood":                              {crowd{abandon: 2000}, 95, 100},
		"a flood beside many that finish":      {crowd{finish: 500, abandon: 2000, took: 50 * ms}, 80, 100},
		"a flood beside many that have tokens": {crowd{tokens: 500, abandon: 5000}, 85, 100},
		"a flood beside thousands far away":    {crowd{finish: 4000, abandon: 2000, took: 120 * ms}, 80, 100},
	} {
		t.Run(name, func(t *testing.T) {
			var at time.Duration
			l := newRetryLoad()
			if got := tt.crowd.run(l, &at, 20); got < tt.from || got > tt.to {
				t.Errorf("%d %% got a Retry, want %d to %d", got, tt.from, tt.to)
			}
			after := crowd{finish: max(tt.crowd.finish, 500), took: max(tt.crowd.took, 50*ms)}
			after.run(l, &at, 12)
			if got := after.run(l, &at, 10); got != 0 {
				t.Errorf("12 seconds after, %d %% still get a Retry", got)
			}
		})
	}
}

// forged is an Initial of a client that is not there (RFC 9000, section 17.2.2): what is encrypted in it is noise.
func forged(t testing.TB) []byte {
	t.Helper()
	b := make([]byte, 1200)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	copy(b, []byte{0xc3, 0, 0, 0, 1, 8})
	copy(b[14:], []byte{4, 1, 2, 3, 4, 0, 0x44, 0x98}) // source ID, no token, length 1176
	return b
}

func TestFloodOfForgedInitialsMakesClientsProveTheirAddress(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), nil)
	if conn, err := dialQUIC(t, s.Addr().String(), cert, nil); err != nil {
		t.Fatal(err)
	} else {
		_ = conn.CloseWithError(0, "")
	}
	if got := s.Handshakes().Retries; got != 0 {
		t.Fatalf("%d Retries without a flood", got)
	}
	flood, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	eventually(t, "Retry", func() bool {
		for range 64 {
			if _, err := flood.Write(forged(t)); err != nil {
				t.Fatal(err)
			}
		}
		return s.Handshakes().Retries > 0
	})
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
	if err != nil {
		t.Fatalf("a client within the flood: %v", err)
	}
	_ = conn.CloseWithError(0, "")
}

func TestTokenCountsForNothingUntilTheHandshakeIsComplete(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), nil)
	s.load.mu.Lock()
	s.load.now = func() time.Time { return clock(0) }
	s.load.at, s.load.level, s.load.on = clock(0), retryFrom, true
	s.load.mu.Unlock()
	proven, hold, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	late := trust(cert)
	late.NextProtos = []string{http3.NextProtoH3}
	late.VerifyConnection = func(tls.ConnectionState) error { close(proven); <-hold; return nil }
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		conn, err := quic.DialAddr(ctx, s.Addr().String(), late, nil)
		if err == nil {
			err = conn.CloseWithError(0, "")
		}
		ended <- err
	}()
	select {
	case <-proven:
	case <-ctx.Done():
		t.Fatal("no answer to the token")
	}
	if got := begun(s); got < retryFrom || s.Handshakes().Retries == 0 {
		t.Errorf("level %v before the handshake is complete, %d Retries", got, s.Handshakes().Retries)
	}
	close(hold)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the handshake counts", func() bool { return begun(s) < retryFrom })
}

func TestRepeatedInitialsAreCounted(t *testing.T) {
	says := func(kind qlog.PacketType, offset, length int64) qlog.PacketSent {
		return qlog.PacketSent{Header: qlog.PacketHeader{PacketType: kind}, Frames: []qlog.Frame{{Frame: &qlog.CryptoFrame{Offset: offset, Length: length}}}}
	}
	ack := qlog.PacketSent{Header: qlog.PacketHeader{PacketType: qlog.PacketTypeInitial}, Frames: []qlog.Frame{{Frame: &qlog.AckFrame{}}}}
	for name, tt := range map[string]struct {
		packets  []qlog.PacketSent
		followed uint64
		repeated uint64
	}{
		"once":             {[]qlog.PacketSent{says(qlog.PacketTypeInitial, 0, 90)}, 1, 0},
		"in two packets":   {[]qlog.PacketSent{says(qlog.PacketTypeInitial, 0, 1100), says(qlog.PacketTypeInitial, 1100, 90)}, 1, 0},
		"with an ACK":      {[]qlog.PacketSent{ack, says(qlog.PacketTypeInitial, 0, 90), ack}, 1, 0},
		"twice":            {[]qlog.PacketSent{says(qlog.PacketTypeInitial, 0, 90), says(qlog.PacketTypeInitial, 0, 90)}, 1, 1},
		"other packets":    {[]qlog.PacketSent{says(qlog.PacketTypeHandshake, 0, 90), says(qlog.PacketTypeHandshake, 0, 90)}, 0, 0},
		"a part, thrice":   {[]qlog.PacketSent{says(qlog.PacketTypeInitial, 0, 90), says(qlog.PacketTypeInitial, 40, 50), says(qlog.PacketTypeInitial, 40, 50)}, 1, 2},
		"an ACK and no CH": {[]qlog.PacketSent{ack}, 0, 0},
	} {
		var n initials
		var c spoken
		for _, e := range tt.packets {
			n.sent(&c, e)
		}
		if f, r := n.followed.Load(), n.repeated.Load(); f != tt.followed || r != tt.repeated {
			t.Errorf("%s: followed %d, repeated %d", name, f, r)
		}
	}
}

func TestHandshakesThatAreTracedAreFollowed(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) { c.Observer = newSeen() })
	for range 3 {
		conn, err := dialQUIC(t, s.Addr().String(), cert, &quic.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.CloseWithError(0, "")
	}
	if got := s.Handshakes(); got.Followed != 3 {
		t.Errorf("%+v", got)
	}
}
