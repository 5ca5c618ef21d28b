package quicsrv

import (
	"context"
	"net/http"
)

// handler does what the server itself has to for every request, and passes it on. It is one function, not one around the other: each
// needs room on the stack of the request's goroutine, and to enlarge that costs as much as to answer.
type handler struct {
	next     http.Handler
	requests *requests
	early    *early
	altSvc   []string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := connectionOf(r.Context())
	h.requests.add(1)
	defer h.requests.add(-1)
	if c != nil {
		c.idle.add(1)
		defer c.idle.add(-1)
	}
	if c == nil || !c.announced.Swap(true) {
		w.Header()["Alt-Svc"] = h.altSvc
	}
	if h.early.refuses(r) {
		h.early.refuse(w)
		return
	}
	h.next.ServeHTTP(w, r)
}

// connectionOf returns the connection of a request by its context, nil where it came over TCP.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}
