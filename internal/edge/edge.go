// Package edge answers the HTTP requests of clients and of the operator: files, video in and out, health, metrics. It is plain
// net/http and runs unchanged over HTTP/1.1, HTTP/2 and HTTP/3; what it needs of the node it declares as interfaces.
package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	urlpath "path"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/path"
)

// Config says what to serve. The zero value works: a page, health and metrics.
type Config struct {
	Node    string // name of this node on the page
	Version string // version of the program, as well

	// Root is the folder whose files the public handler serves. Empty: the page for trying video at /, which
	// is at /quicedge/ besides wherever clients may upload.
	Root string

	// Processor runs video. Nil: the routes for video answer 503.
	Processor Processor

	// PublicStreams lets clients upload through the public handler; the operator's handler always may.
	PublicStreams bool

	// Classify returns the class of a client for the log, the metrics and the page. Nil: everyone is class 0.
	Classify func(netip.Addr) path.Match

	// Connection returns what the server knows of the connection of a request, by the request's context. Nil: nothing.
	Connection func(context.Context) Connection

	// Client returns the address of the client of a request by the request's context, where the server has it. Nil: it is read out
	// of http.Request.RemoteAddr.
	Client func(context.Context) netip.Addr

	// Whole sends answers that are known beforehand. Nil: all go through net/http.
	Whole Whole

	// Draining says that the node is about to end: video is refused, and what is cut off is the node's doing. Nil: never.
	Draining func() bool

	// Checks decide readiness.
	Checks []Check

	// Registry takes this package's metrics and is what /metrics shows. Nil: one of its own.
	Registry *prometheus.Registry

	// MaxBody bounds an uploaded video in bytes. 0: 4 GiB.
	MaxBody int64

	// Hold bounds the memory in bytes that small files of Root and their compressed forms are held in. 0: 64 MiB.
	Hold int64

	// Stall is how long a client may neither send nor take a byte while the node waits for it. 0: 60 seconds.
	Stall time.Duration

	// BodyTime is how long a body may take, all of it, that is JSON or that the route does not want. 0: 10 seconds.
	BodyTime time.Duration

	// Started is where the uptime counts from. Zero: the call of New.
	Started time.Time

	// Log takes one line a request: failures of the node as warnings, video as news, the many others for debugging. Nil: none are
	// written.
	Log *slog.Logger

	// AccessLog makes the lines of all requests news.
	AccessLog bool

	// Update is asked by POST /v1/update. Nil: the route answers 503.
	Update Updater
}

func (c Config) withDefaults() Config {
	if c.Classify == nil {
		c.Classify = func(a netip.Addr) path.Match { return path.Match{Addr: a} }
	}
	if c.Connection == nil {
		c.Connection = nothingKnown
	}
	if c.Client == nil {
		c.Client = func(context.Context) netip.Addr { return netip.Addr{} }
	}
	if c.Draining == nil {
		c.Draining = func() bool { return false }
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 4 << 30
	}
	if c.Hold <= 0 {
		c.Hold = 64 << 20
	}
	if c.Stall <= 0 {
		c.Stall = 60 * time.Second
	}
	if c.BodyTime <= 0 {
		c.BodyTime = 10 * time.Second
	}
	if c.Started.IsZero() {
		c.Started = time.Now()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Edge holds what the public and the operator's handler share.
type Edge struct {
	cfg     Config
	metrics *metrics
	root    *os.Root // nil without Config.Root
	shelf   shelf
	chunks  sync.Pool // of *[]byte, maxChunk long, for files on their way from the disk
	fields  fieldBuffers
	public  http.Handler
	date    date
	streams streams
	madeUp  madeUp
}

// New opens the root folder and registers the metrics.
func New(cfg Config) (*Edge, error) {
	e := &Edge{cfg: cfg.withDefaults()}
	var err error
	if cfg.Root != "" {
		if e.root, err = os.OpenRoot(cfg.Root); err != nil {
			return nil, fmt.Errorf("open root: %w: give --root a folder that the node may read", err)
		}
	}
	e.shelf.root, e.shelf.room, e.shelf.whole = e.root, e.cfg.Hold, e.cfg.Whole
	e.date.whole = e.cfg.Whole
	if e.metrics, err = newMetrics(e.cfg.Registry); err != nil {
		_ = e.Close()
		return nil, err
	}
	e.public = e.publicRoutes()
	return e, nil
}

// Close lets go of the root folder. Requests that still run keep the files they have open.
func (e *Edge) Close() error {
	if e.root == nil {
		return nil
	}
	return e.root.Close()
}

// Public returns the handler for clients, the same each time: files or the page, and streams where Config.PublicStreams
// says so.
func (e *Edge) Public() http.Handler { return e.public }

// ofAPI reports whether a path is one of the API's, in whatever way it is written.
func ofAPI(path string) bool {
	path = urlpath.Clean(path)
	return strings.HasPrefix(path, "/api/") || path == "/api"
}

func (e *Edge) publicRoutes() http.Handler {
	m := http.NewServeMux()
	e.clientRoutes(m, e.cfg.PublicStreams)
	if e.cfg.PublicStreams {
		e.streamRoutes(m)
	}
	m.Handle("/", e.instrument("none", e.noSuchRoute))
	page := e.instrument("page", e.page(e.cfg.PublicStreams))
	rest := page
	if e.root != nil {
		rest = e.instrument("file", e.file)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case ofAPI(r.URL.Path):
			m.ServeHTTP(w, r)
		case e.cfg.PublicStreams && ofPage(r.URL.Path):
			page.ServeHTTP(w, r)
		default:
			rest.ServeHTTP(w, r) // most requests: nothing to search a table of routes for
		}
	})
}

// Operator returns the handler for the operator's own listener, which must not be open to strangers: health, readiness,
// metrics, updates, synthetic load and streams; in a development build (build tag dev) net/http/pprof as well. A web page of another origin cannot use it through the operator's browser.
func (e *Edge) Operator() http.Handler {
	m := http.NewServeMux()
	e.route(m, "GET", "/healthz", "healthz", e.healthz)
	e.route(m, "GET", "/livez", "livez", e.livez)
	e.route(m, "GET", "/readyz", "readyz", e.readyz)
	e.route(m, "GET", "/metrics", "metrics", e.showMetrics())
	e.route(m, "POST", "/v1/update", "update", e.update)
	e.route(m, "POST", "/api/v1/process", "process", e.process)
	e.clientRoutes(m, true)
	e.streamRoutes(m)
	m.Handle(pageAt, e.instrument("page", e.page(true)))
	e.addProfiles(m)
	m.Handle("/", e.instrument("none", e.noSuchRoute))
	return http.NewCrossOriginProtection().Handler(m)
}

// clientRoutes adds what tells a client of itself; uploads says whether it may send video.
func (e *Edge) clientRoutes(m *http.ServeMux, uploads bool) {
	e.route(m, "GET", "/api/v1/client", "client", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, e.seen(r, uploads))
	})
}

func (e *Edge) streamRoutes(m *http.ServeMux) {
	const one = "/api/v1/streams/{id}"
	e.route(m, "GET", "/api/v1/pipelines", "pipelines", e.pipelines)
	m.Handle("POST "+one, e.instrument("stream", identified(e.stream)))
	m.Handle("GET "+one, e.instrument("state", identified(e.streamState)))
	m.Handle(one, e.instrument("stream", takesOnly("GET", "POST")))
}

// route serves one method of a path, and says which where another was used.
func (e *Edge) route(m *http.ServeMux, method, path, name string, h http.HandlerFunc) {
	m.Handle(method+" "+path, e.instrument(name, identified(h)))
	m.Handle(path, e.instrument(name, takesOnly(method)))
}

// takesOnly refuses what came by another method.
func takesOnly(methods ...string) http.HandlerFunc {
	allow := strings.Join(methods, ", ")
	either := strings.Join(methods, " or ")
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		writeError(w, &Error{
			Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
			Message: fmt.Sprintf("%s takes %s, not %s: use %s", printable(r.URL.Path), either, printable(r.Method), either),
		})
	}
}

func (e *Edge) noSuchRoute(w http.ResponseWriter, r *http.Request) {
	writeError(w, &Error{
		Status: http.StatusNotFound, Code: "not_found",
		Message: "nothing is served at " + printable(r.URL.Path) + ": check the path",
	})
}
