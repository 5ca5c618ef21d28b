package e2e

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quicedge/internal/netnstest"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// TestHTTP3 asks the built program what the tests of the routes ask without a network.
func TestHTTP3(t *testing.T) {
	netnstest.NeedBPF(t) // for a namespace of its own
	root, text := t.TempDir(), strings.Repeat("the same words again; ", 400)
	if err := errors.Join(os.WriteFile(filepath.Join(root, "app.js"), []byte(text), 0o644), os.WriteFile(filepath.Join(root, "seg.m4s"), make([]byte, 8<<20), 0o644)); err != nil {
		t.Fatal(err)
	}
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--root", root, "--region", "hlj-01", "--access-log")
	c := newClient(t, n.ns)
	first := n.ask(c, "/app.js").Header
	if got := first.Get("Alt-Svc"); !strings.Contains(got, `h3=":443"`) {
		t.Errorf("the first answer of a connection announces %q", got)
	}
	tag := first.Get("Etag")
	for name, q := range map[string]struct {
		path, header, value string
		status              int
		answers, with       string // a field of the answer, and what is in it
		size                int64
	}{
		"compressed":          {"/app.js", "Accept-Encoding", "gzip", 200, "Content-Encoding", "gzip", int64(len(text))},
		"as it is":            {"/app.js", "Accept-Encoding", "identity", 200, "Vary", "Accept-Encoding", int64(len(text))},
		"unchanged":           {"/app.js", "If-None-Match", tag, 304, "Etag", tag, 0},
		"a part":              {"/seg.m4s", "Range", "bytes=1000000-1999999", 206, "Content-Range", "bytes 1000000-1999999/8388608", 1_000_000},
		"large":               {"/seg.m4s", "Accept-Encoding", "gzip", 200, "Content-Type", "video/iso.segment", 8 << 20},
		"too late":            {"/seg.m4s", "X-Deadline-Hint", "1700000000000000000", 504, "Content-Type", "application/json", -1},
		"in time":             {"/app.js", "X-Deadline-Hint", "4000000000000000000", 200, "Server", "quicedge", -1},
		"in a trace":          {"/app.js", "Traceparent", parent, 200, "Traceresponse", parent[:36], -1},
		"with an id":          {"/app.js", "X-Request-Id", "e2e-1", 200, "X-Request-Id", "e2e-1", -1},
		"urgent":              {"/seg.m4s", "Priority", "u=0", 200, "Accept-Ranges", "bytes", 8 << 20},
		"a route that is not": {"/api/v1/none", "X", "", 404, "Content-Type", "application/json", -1},
	} {
		t.Run(name, func(t *testing.T) {
			answer := n.ask(c, q.path, q.header, q.value)
			if answer.StatusCode != q.status || !strings.Contains(answer.Header.Get(q.answers), q.with) {
				t.Fatalf("%d %v", answer.StatusCode, answer.Header)
			}
			if size := sizeOf(t, answer); q.size >= 0 && size != q.size {
				t.Errorf("%d bytes, want %d", size, q.size)
			}
		})
	}
	n.until("the access log has the request", func() bool {
		for line := range strings.Lines(n.stderr.String()) {
			if hasAll(line, `"edge-region":"hlj-01"`, `"request_id":"e2e-1"`, `"proto":"h3"`, `"early_data":false`, `"rtt":`, `"status":200`) {
				return true
			}
		}
		return false
	})
}

func hasAll(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// ask sends a GET with header fields, and gives the answer as it came, its body unread.
func (n *node) ask(c *client, path string, header ...string) *http.Response {
	n.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://127.0.0.1:443"+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func sizeOf(t *testing.T, answer *http.Response) int64 {
	t.Helper()
	body := io.Reader(answer.Body)
	if answer.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	size, err := io.Copy(io.Discard, body)
	if err != nil {
		t.Fatal(err)
	}
	return size
}
