package quicsrv

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlogwriter"

	"quicedge/internal/path"
)

// connection is what the server knows of one of its connections, from its first Initial on. quic-go carries it along as the
// connection's trace, and asks it for a recorder of events: most have none.
type connection struct {
	paths   *paths
	profile path.Profile // what it started by
	attempt *attempt
	addr    netip.Addr // where the first Initial came from, which may be forged
	search  *search    // nil: not followed
	seat    *seat
	token   bool // its first Initial had one, by which the address is validated

	quic      atomic.Pointer[quic.Conn]
	validated atomic.Bool
	finish    sync.Once // of its handshake
	recording atomic.Bool
	announced atomic.Bool // that HTTP/3 is here

	idle  idle
	tally tally // the gate's
}

// begin sizes a connection by the profile of its client and by what happened to others of its network.
func (w *paths) begin(addr netip.Addr, p path.Profile) *connection {
	size := startOf(addr, p)
	c := &connection{paths: w, addr: addr, attempt: w.attempts.begin(addr, size, w.now())}
	if c.attempt.size < size {
		p.Search = true // up to where it had begun, if it is not the path
	}
	if p.Initial = c.attempt.size; w.traced(c.attempt.network, p.Initial, p) {
		c.search = newSearch(p.Initial, path.MaxInitial)
	}
	c.profile = p
	return c
}

// AddProducer implements qlogwriter.Trace. The first to ask is quic-go's connection; HTTP/3, which asks next, gets nothing.
func (c *connection) AddProducer() qlogwriter.Recorder {
	if c.search == nil || c.recording.Swap(true) {
		return nil
	}
	return newRecorder(c)
}

// trace implements quic.Config.Tracer. The context ends with the connection, whether its handshake was finished or not.
func (c *connection) trace(ctx context.Context, _ bool, _ quic.ConnectionID) qlogwriter.Trace {
	context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
	return c
}

// await waits for the end of the handshake.
func (c *connection) await(conn *quic.Conn) {
	select {
	case <-conn.HandshakeComplete():
	case <-conn.Context().Done():
	}
	c.settle()
}

// settle takes note that the handshake is complete, if it is, with which the client's address is validated. A connection that was
// short may have ended before anybody came to ask: so whoever deals with its end asks first.
func (c *connection) settle() {
	conn := c.quic.Load()
	if conn == nil {
		return
	}
	select {
	case <-conn.HandshakeComplete():
		c.finish.Do(func() { c.finished(conn) })
	default:
	}
}

func (c *connection) finished(conn *quic.Conn) {
	c.validated.Store(true)
	c.paths.load.finished(c.token)
	if err := c.seat.take(); err != nil {
		go conn.CloseWithError(overloaded, c.paths.limits.refusedQUIC(err).Error())
	}
	c.idle.watch(c.paths.keep, func() { _ = conn.CloseWithError(noError, "idle") })
	now := c.paths.now()
	c.observe(Event{Kind: Finished, MTU: c.packet(c.attempt.size), Took: now.Sub(c.attempt.begun)})
	c.failed(c.paths.attempts.finish(c.attempt, now))
}

// end judges a connection that is over.
func (c *connection) end(cause error) {
	c.settle()
	c.seat.leave()
	c.idle.stop()
	var app *quic.ApplicationError
	var transport *quic.TransportError
	byClient := errors.As(cause, &app) && app.Remote || errors.As(cause, &transport) && transport.Remote
	c.failed(c.paths.attempts.end(c.attempt, byClient, c.paths.now()))
}

// failed reports an attempt that has failed for its size. Its address is that of a host which has been validated since.
func (c *connection) failed(t *attempt) {
	if t != nil {
		c.paths.observer.Observe(Event{Kind: Failed, Addr: c.address(), MTU: c.packet(t.size)})
	}
}

func (c *connection) observe(e Event) {
	e.Addr = c.address()
	c.paths.observer.Observe(e)
}

// packet is the size of the IP packet that carries a payload to the client.
func (c *connection) packet(payload uint16) uint16 { return payload + headersOf(c.address()) }

// address is where the client is now: it may have moved since its first Initial.
func (c *connection) address() netip.Addr {
	if conn := c.quic.Load(); conn != nil {
		return addrOf(conn.RemoteAddr())
	}
	return c.addr
}
