package quicsrv

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/replay"
	"quicedge/internal/ticketkey"
)

// Resumption lets clients take up earlier connections, whichever worker, process or node had them, and send requests with their first
// datagrams (0-RTT). Servers of one process share one. Make it with NewResumption.
type Resumption struct {
	ring    *ticketkey.Ring
	strikes *replay.Register
	now     func() time.Time
	keys    atomic.Pointer[tls.Config] // holds the ticket keys in force, and nothing else

	resumed, unknown atomic.Uint64
}

// NewResumption takes the keys of a ring. Without a register (nil) connections are resumed, and 0-RTT is off: nothing would keep a
// captured flight from being accepted again and again. The ring and the register stay the caller's to close, after the servers.
func NewResumption(ring *ticketkey.Ring, strikes *replay.Register) (*Resumption, error) {
	p := &Resumption{ring: ring, strikes: strikes, now: time.Now}
	return p, p.renew()
}

// Watch takes new keys into use when their time has come and when their file changes, until ctx ends. changed is told of each
// change, and of files that cannot be used, by which nothing changes.
func (p *Resumption) Watch(ctx context.Context, every time.Duration, changed func(error)) {
	p.ring.Watch(ctx, every, func(err error) { changed(firstOf(p.renew(), err)) })
}

// Reload reads the key file again. After an error the keys in use stay.
func (p *Resumption) Reload() error { return firstOf(p.ring.Reload(), p.renew()) }

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// ResumptionCounts is what came of the tickets that clients of this process sent.
type ResumptionCounts struct {
	Resumed uint64            // sessions taken up
	Unknown uint64            // tickets that no key in force opens
	Early   map[string]uint64 // tickets that allowed 0-RTT, by what the register said: "accepted", or why not
	Bytes   int               // that the register takes
}

// Counts returns what has been counted since the process began.
func (p *Resumption) Counts() ResumptionCounts {
	c := ResumptionCounts{Resumed: p.resumed.Load(), Unknown: p.unknown.Load(), Early: map[string]uint64{}}
	if p.strikes != nil {
		c.Bytes = p.strikes.Bytes()
		for _, v := range replay.Verdicts() {
			c.Early[v.String()] = p.strikes.Count(v)
		}
	}
	return c
}

func (p *Resumption) renew() error {
	keys, err := p.ring.Set().TicketKeys(p.now())
	if err != nil {
		return fmt.Errorf("take ticket keys: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	c.SetSessionTicketKeys(keys)
	p.keys.Store(c)
	return nil
}

// allows0RTT reports whether a ticket may carry early data at all.
func (p *Resumption) allows0RTT() bool { return p != nil && p.strikes != nil }

// share gives a transport the keys by which other workers, processes and nodes know its address tokens and stateless resets. A worker
// with these keys resets a connection that it does not know: it must see no packets of others.
func (p *Resumption) share(t *quic.Transport) error {
	if p == nil {
		return nil
	}
	set := p.ring.Set()
	token, err := set.TokenKey()
	if err != nil {
		return err
	}
	reset, err := set.ResetKey()
	if err != nil {
		return err
	}
	t.TokenGeneratorKey, t.StatelessResetKey = (*quic.TokenGeneratorKey)(&token), (*quic.StatelessResetKey)(&reset)
	return nil
}

// protect makes a TLS configuration seal and open tickets by the shared keys. early says whether tickets may carry 0-RTT data, which
// QUIC alone has.
func (p *Resumption) protect(c *tls.Config, early bool) {
	if p == nil {
		return
	}
	c.WrapSession = p.wrap
	c.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		return p.unwrap(ticket, cs, early)
	}
}

func (p *Resumption) wrap(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
	if s.EarlyData && p.strikes != nil {
		s.Extra = append(s.Extra, appendStamp(nil, p.strikes.Stamp()))
	}
	return p.keys.Load().EncryptTicket(cs, s)
}

// unwrap opens a ticket. crypto/tls calls it for each that a client sends, before it has checked that the client holds the session's
// secret: somebody who has seen a ticket can strike it, which costs its owner the 0-RTT and nothing else.
func (p *Resumption) unwrap(ticket []byte, cs tls.ConnectionState, early bool) (*tls.SessionState, error) {
	s, err := p.keys.Load().DecryptTicket(ticket, cs)
	if err != nil || s == nil {
		p.unknown.Add(1)
		return nil, err
	}
	p.resumed.Add(1)
	if s.EarlyData {
		stamp, stamped := stampOf(s)
		s.EarlyData = early && stamped && p.strikes != nil && p.strikes.Strike(ticket, stamp) == replay.Accepted
	}
	return s, nil
}

// stampMark begins the register's stamp among what TLS and QUIC keep in a ticket.
const stampMark = "quicedge strike 1 "

func appendStamp(b []byte, s replay.Stamp) []byte {
	b = append(b, stampMark...)
	b = binary.BigEndian.AppendUint64(b, s.Register)
	return binary.BigEndian.AppendUint64(b, uint64(s.Issued))
}

func stampOf(s *tls.SessionState) (replay.Stamp, bool) {
	for _, extra := range s.Extra {
		if b, ok := bytes.CutPrefix(extra, []byte(stampMark)); ok && len(b) == 16 {
			return replay.Stamp{Register: binary.BigEndian.Uint64(b), Issued: int64(binary.BigEndian.Uint64(b[8:]))}, true
		}
	}
	return replay.Stamp{}, false
}
