package quicsrv

import (
	"net/http"
	"sync/atomic"
)

// early refuses what must not be done on the word of somebody who may only have captured it.
type early struct{ refused atomic.Uint64 }

// refuses reports whether a request is of an unsafe method and came as early data (RFC 8470). When the handshake had completed by
// the time the request was read, the client has proven to be there, and the request goes on. A proxy before this server says the same
// of its client with Early-Data (section 5.1).
func (e *early) refuses(r *http.Request) bool {
	return !isSafe(r.Method) && (r.Header.Get("Early-Data") == "1" || !handshakeComplete(r))
}

// refuse answers 425 (section 5.2), after which clients send the request again once the handshake is complete.
func (e *early) refuse(w http.ResponseWriter) {
	e.refused.Add(1)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "too early: send it again when the handshake is complete", http.StatusTooEarly)
}

// isSafe reports whether a method changes nothing on the server (RFC 9110, section 9.2.1).
func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// handshakeComplete reports whether the client of a request had completed its handshake when the request was read, as on TCP all have.
// What is read before can be nothing but early data: QUIC opens no 1-RTT packet until then (RFC 9001, section 5.7).
func handshakeComplete(r *http.Request) bool { return r.TLS != nil && r.TLS.HandshakeComplete }
