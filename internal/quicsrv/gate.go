package quicsrv

import (
	"context"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// noError is H3_NO_ERROR (RFC 9114, section 8.1): the server ends a connection it has nothing against.
const noError = quic.ApplicationErrorCode(http3.ErrCodeNoError)

// overloaded is H3_EXCESSIVE_LOAD: the client, or its network, takes too much.
const overloaded = quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad)

// gate lets new QUIC connections of all workers through to the HTTP/3 server until it is shut, and knows every open connection.
//
// http3.Server counts connections without a lock and closes a channel when the count falls to 0 after a shutdown; a
// connection accepted at that moment would close it twice. With a gate, accepting has ended before the shutdown begins.
type gate struct {
	open context.Context // done once the gate is shut
	shut context.CancelFunc

	mu    sync.Mutex
	conns map[*quic.Conn]*connection
	ended []Sample // of connections that ended since the last poll
}

func newGate() *gate {
	g := &gate{conns: map[*quic.Conn]*connection{}, ended: make([]Sample, 0, endedRoom)}
	g.open, g.shut = context.WithCancel(context.Background())
	return g
}

func (g *gate) add(conn *quic.Conn) {
	c, watched := conn.QlogTrace().(*connection)
	if watched {
		c.quic.Store(conn)
	}
	g.mu.Lock()
	g.conns[conn] = c
	g.mu.Unlock()
	context.AfterFunc(conn.Context(), func() { g.forget(conn, c) })
	if watched {
		go c.await(conn)
	}
}

// closeAll closes every open connection, and returns when each has sent its CONNECTION_CLOSE.
func (g *gate) closeAll() {
	g.mu.Lock()
	open := make([]*quic.Conn, 0, len(g.conns))
	for conn := range g.conns {
		open = append(open, conn)
	}
	g.mu.Unlock()
	var wg sync.WaitGroup
	for _, conn := range open {
		wg.Go(func() { _ = conn.CloseWithError(noError, "") })
	}
	wg.Wait()
}
