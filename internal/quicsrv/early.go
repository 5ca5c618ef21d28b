package quicsrv

import (
	"net/http"
	"sync/atomic"
)

// early refuses what must not be done on the word of somebody who may only have captured it.
type early struct{ refused atomic.Uint64 }

// refuse answers 425 (RFC 8470, section 5.2) to requests of unsafe methods that came as early data, which clients then send again once
// the handshake is complete. When it has completed by the time the request is looked at, the client has proven to be there, and the
// request goes on. A proxy before this server says the same of its client with Early-Data (section 5.1).
func (e *early) refuse(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSafe(r.Method) || r.Header.Get("Early-Data") != "1" && handshakeComplete(r) {
			next.ServeHTTP(w, r)
			return
		}
		e.refused.Add(1)
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "too early: send it again when the handshake is complete", http.StatusTooEarly)
	})
}

// isSafe reports whether a method changes nothing on the server (RFC 9110, section 9.2.1).
func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// handshakeComplete reports whether the client of a request has completed its handshake, as on TCP all have.
func handshakeComplete(r *http.Request) bool {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	if !ok {
		return r.ProtoMajor < 3
	}
	conn := c.quic.Load()
	if conn == nil {
		return false
	}
	select {
	case <-conn.HandshakeComplete():
		return true
	default:
		return false
	}
}
