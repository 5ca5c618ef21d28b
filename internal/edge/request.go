package edge

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"

	"quicedge/internal/class"
)

// RequestIDHeader carries the id of a request, in and out.
const RequestIDHeader = "X-Request-Id"

// maxID bounds a request id and a stream id in bytes.
const maxID = 128

// validID reports whether s is an id: 1 to 128 of the characters A-Z a-z 0-9 . _ -
func validID(s string) bool {
	return s != "" && len(s) <= maxID && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

// requestID takes the id that the client gave, or makes one of 128 random bits. What is no id is replaced: it would end up in
// the log as it is.
func requestID(h http.Header, random [16]byte) string {
	if id := h.Get(RequestIDHeader); validID(id) {
		return id
	}
	return hex.EncodeToString(random[:])
}

// identify finds what a request is known by, all but its class.
func (e *Edge) identify(r *http.Request, who *identity) {
	var random [40]byte
	for i := 0; i < len(random); i += 8 { // names need not be secret, only never the same twice
		binary.LittleEndian.PutUint64(random[i:], rand.Uint64())
	}
	who.request = requestID(r.Header, [16]byte(random[:]))
	who.trace = newTrace(r.Header, [24]byte(random[16:]))
	if who.addr = e.cfg.Client(r.Context()); !who.addr.IsValid() {
		who.addr = clientAddr(r)
	}
}

// classOf is a function of its own, as are others that could be part of their caller, so that what it needs on the stack is given back:
// each request has a goroutine, and to enlarge its stack costs as much as the handler.
func (e *Edge) classOf(client netip.Addr) class.ID { return e.cfg.Classify(client).Class }

// identity is what a request is known by, in one value of its context.
type identity struct {
	request string
	trace   Trace
	addr    netip.Addr // of the client
	class   class.ID   // known when the request has ended
}

type identityKey struct{}

// identified lets a handler, and what works for it, know by the context what a request is known by.
func identified(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if rec, ok := w.(*recorder); ok {
			r = r.WithContext(withIdentity(r.Context(), &rec.who))
		}
		h(w, r)
	}
}

func withIdentity(ctx context.Context, i *identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// RequestID returns the id of the request that ctx belongs to, "" for none.
func RequestID(ctx context.Context) string {
	if i, ok := ctx.Value(identityKey{}).(*identity); ok {
		return i.request
	}
	return ""
}

// clientAddr returns the address of the peer, never an IPv4-mapped one; the zero Addr where there is none.
func clientAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}
