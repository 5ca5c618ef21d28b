package edge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"
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

// identify gives a request its names.
func identify(h http.Header) *identity {
	var random [40]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process instead
	return &identity{request: requestID(h, [16]byte(random[:])), trace: newTrace(h, [24]byte(random[16:]))}
}

// identity is what a request is known by, in one value of its context.
type identity struct {
	request string
	trace   Trace
}

type identityKey struct{}

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
