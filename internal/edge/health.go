package edge

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Check is one thing that readiness depends on.
type Check struct {
	Name     string
	Check    func() error // nil: ready; must not block
	Optional bool         // the node is ready without it, and says that it is missing
}

// healthz answers as the handbook has it, without a newline.
func (e *Edge) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, `{"status":"ok","uptime_sec":%d}`, int64(time.Since(e.cfg.Started).Seconds()))
}

// livez says that the process answers. It depends on nothing else: a restart would cure nothing else.
func (e *Edge) livez(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("verbose") {
		plain(w, http.StatusOK, "[+]http ok\nlivez check passed\n")
		return
	}
	plain(w, http.StatusOK, "ok")
}

// readyz says whether clients should be sent here. It lists the checks when asked to and when one failed.
func (e *Edge) readyz(w http.ResponseWriter, r *http.Request) {
	list, ready := e.check()
	switch {
	case !ready:
		plain(w, http.StatusServiceUnavailable, list+"readyz check failed\n")
	case r.URL.Query().Has("verbose"):
		plain(w, http.StatusOK, list+"readyz check passed\n")
	default:
		plain(w, http.StatusOK, "ok")
	}
}

func (e *Edge) check() (list string, ready bool) {
	var b strings.Builder
	ready = true
	for _, c := range e.cfg.Checks {
		err := c.Check()
		switch {
		case err == nil:
			fmt.Fprintf(&b, "[+]%s ok\n", c.Name)
		case c.Optional:
			fmt.Fprintf(&b, "[-]%s not ok (optional): %s\n", c.Name, err)
		default:
			fmt.Fprintf(&b, "[-]%s not ok: %s\n", c.Name, err)
			ready = false
		}
	}
	return b.String(), ready
}

func plain(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
