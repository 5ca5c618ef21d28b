// Package adminsocket is the running node's door for commands on the same host: HTTP with JSON over a Unix socket that only
// the node's user may open.
//
//	GET  /v1/lookup?address=198.51.100.7   a path.Answer
//	GET  /v1/class?class=498                a path.Answer for a class, by its number
//	GET  /v1/explain?address=198.51.100.7  a path.Explained: why it gets its MTU
//	GET  /v1/rows                          {"rows":[...]} of path.RowAnswer: the overrides and the table
//	GET  /v1/learned                       {"classes":[...]} of path.LearnedAnswer
//	GET  /v1/loop                          a path.LoopAnswer
//	GET  /v1/video                         a Video
//	POST /v1/reload                        {"changed":3}
//	POST /v1/upgrade                       {"program":"/usr/bin/quicedge"}, or nothing for the same file: {"pid":4711}
//
// An error is {"error":"..."} with status 400 for a wrong request and 422 for a state that was refused.
package adminsocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// Node is what the socket gives access to.
type Node interface {
	Lookup(netip.Addr) path.Match
	Of(class.ID) path.Match
	Explain(netip.Addr) path.Explained
	Rows() []path.RowAnswer
	Learned() map[class.ID]mtu.Learned
	Loop() path.LoopAnswer
	Video() Video
	Reload() (changed int, err error)
	Upgrade(ctx context.Context, program string) (pid int, err error)
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
	mux.HandleFunc("GET /v1/lookup", about(func(a netip.Addr) any { return n.Lookup(a).Answer() }))
	mux.HandleFunc("GET /v1/class", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.ParseUint(r.FormValue("class"), 10, 16)
		if id := class.ID(number); err == nil && id.Valid() {
			reply(w, http.StatusOK, n.Of(id).Answer())
			return
		}
		reply(w, http.StatusBadRequest, failure{fmt.Sprintf("class %q: no class has this number", r.FormValue("class"))})
	})
	mux.HandleFunc("GET /v1/explain", about(func(a netip.Addr) any { return n.Explain(a) }))
	mux.HandleFunc("GET /v1/rows", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, listed{n.Rows()}) })
	mux.HandleFunc("GET /v1/learned", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, learnedOf(n.Learned())) })
	mux.HandleFunc("GET /v1/loop", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, n.Loop()) })
	mux.HandleFunc("GET /v1/video", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, n.Video()) })
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, _ *http.Request) {
		changed, err := n.Reload()
		if err != nil {
			reply(w, http.StatusUnprocessableEntity, failure{err.Error()})
			return
		}
		reply(w, http.StatusOK, reloaded{changed})
	})
	mux.HandleFunc("POST /v1/upgrade", upgradeOf(n))
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}

func upgradeOf(n Node) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var ask upgrade
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&ask); err != nil && !errors.Is(err, io.EOF) {
			reply(w, http.StatusBadRequest, failure{fmt.Sprintf("the request is not JSON: %v", err)})
			return
		}
		pid, err := n.Upgrade(r.Context(), ask.Program)
		if err != nil {
			reply(w, http.StatusUnprocessableEntity, failure{err.Error()})
			return
		}
		reply(w, http.StatusOK, upgraded{pid})
	}
}

// about answers questions about an address.
func about(answer func(netip.Addr) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		addr, err := netip.ParseAddr(r.FormValue("address"))
		if err != nil {
			reply(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		reply(w, http.StatusOK, answer(addr))
	}
}

type listed struct {
	Rows []path.RowAnswer `json:"rows"`
}

type learned struct {
	Classes []path.LearnedAnswer `json:"classes"`
}

func learnedOf(all map[class.ID]mtu.Learned) learned {
	out := learned{Classes: make([]path.LearnedAnswer, 0, len(all))}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		out.Classes = append(out.Classes, path.LearnedAnswerOf(id, all[id]))
	}
	return out
}

type failure struct {
	Error string `json:"error"`
}

type upgrade struct {
	Program string `json:"program"`
}

type upgraded struct {
	PID int `json:"pid"`
}

type reloaded struct {
	Changed int `json:"changed"`
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the peer may be gone: nothing to do about it
}
