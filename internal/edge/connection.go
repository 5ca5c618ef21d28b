package edge

import (
	"context"
	"net/http"
	"time"
)

// Connection is what the server knows of the connection that a request came over. The zero value says that it knows nothing.
type Connection struct {
	RTT time.Duration // smoothed round-trip time; 0: unknown
}

// early reports whether a request came as 0-RTT data, and was read before its client's handshake was complete (RFC 8470). One that is
// read later, as from a client nearby on a busy machine, is no different from others any more: its client has proven to be there.
func early(r *http.Request) bool { return r.TLS != nil && !r.TLS.HandshakeComplete }

func nothingKnown(context.Context) Connection { return Connection{} }
