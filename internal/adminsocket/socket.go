// Package adminsocket is the running node's door for commands on the same host: HTTP with JSON over a Unix socket that only
// the node's user may open.
//
//	GET  /v1/lookup?address=198.51.100.7   a path.Answer
//	POST /v1/reload                        {"changed":3}
//
// An error is {"error":"..."} with status 400 for a wrong request and 422 for a state that was refused.
package adminsocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"quicedge/internal/path"
)

// Node is what the socket gives access to.
type Node interface {
	Lookup(netip.Addr) path.Match
	Reload() (changed int, err error)
}

// Listen opens the socket, in place of one that a dead node left. The caller holds the state folder's lock.
func Listen(name string) (net.Listener, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace admin socket: %w", err)
	}
	old := unix.Umask(0o177)
	l, err := net.Listen("unix", name)
	unix.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("open admin socket: %w; name a shorter or another folder with --state-dir", err)
	}
	return l, nil
}

// Server returns an HTTP server for the socket.
func Server(n Node) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/lookup", func(w http.ResponseWriter, r *http.Request) {
		addr, err := netip.ParseAddr(r.FormValue("address"))
		if err != nil {
			reply(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		reply(w, http.StatusOK, n.Lookup(addr).Answer())
	})
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, _ *http.Request) {
		changed, err := n.Reload()
		if err != nil {
			reply(w, http.StatusUnprocessableEntity, failure{err.Error()})
			return
		}
		reply(w, http.StatusOK, reloaded{changed})
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}

type failure struct {
	Error string `json:"error"`
}

type reloaded struct {
	Changed int `json:"changed"`
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the peer may be gone: nothing to do about it
}
