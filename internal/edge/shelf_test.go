package edge

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestChangedFileIsServedAsItIs(t *testing.T) {
	dir, _ := textSite(t)
	e := newEdge(t, func(cfg *Config) { cfg.Root = dir })
	h, name := e.Public(), filepath.Join(dir, "app.js")
	body := func() string { return ask(h, httptest.NewRequest("GET", "/app.js", nil)).Body.String() }
	body()
	for step, change := range map[string]func() error{
		"written":  func() error { return os.WriteFile(name, []byte("written"), 0o644) },
		"replaced": func() error { return replace(name, "replaced") },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		eventually(t, step+" file is served", func() bool { return body() == step })
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "removed file is not served", func() bool { return ask(h, httptest.NewRequest("GET", "/app.js", nil)).Code == 404 })
}

func replace(name, text string) error {
	if err := os.WriteFile(name+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func TestSecondRequestTouchesNoFile(t *testing.T) {
	dir, text := textSite(t)
	e := newEdge(t, func(cfg *Config) { cfg.Root = dir })
	h := e.Public()
	ask(h, httptest.NewRequest("GET", "/app.js", nil))
	held := e.shelf.held["app.js"]
	if held == nil {
		t.Fatal("nothing is held")
	}
	held.looked = time.Now().Add(time.Hour) // however slow the machine
	if err := os.Remove(filepath.Join(dir, "app.js")); err != nil {
		t.Fatal(err)
	}
	if got := ask(h, httptest.NewRequest("GET", "/app.js", nil)).Body.String(); got != text {
		t.Errorf("got %q", got)
	}
	if w := ask(h, httptest.NewRequest("GET", "/app.js/", nil)); w.Code != 404 {
		t.Errorf("as a folder: %d", w.Code)
	}
}

func TestHeldFilesStayWithinTheirRoom(t *testing.T) {
	dir := t.TempDir()
	const files, size, room = 50, 10_000, 100_000
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.m4s", i)), []byte(strings.Repeat("x", size)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "large.m4s"), make([]byte, room/4+1), 0o644); err != nil {
		t.Fatal(err)
	}
	e := newEdge(t, func(cfg *Config) { cfg.Root, cfg.Hold = dir, room })
	h := e.Public()
	for i := range 2 * files {
		if w := ask(h, httptest.NewRequest("GET", fmt.Sprintf("/%d.m4s", i%files), nil)); w.Body.Len() != size {
			t.Fatalf("%d: %d bytes", i, w.Body.Len())
		}
		if e.shelf.used > room {
			t.Fatalf("%d bytes are held, %d may be", e.shelf.used, room)
		}
	}
	if w := ask(h, httptest.NewRequest("GET", "/large.m4s", nil)); w.Body.Len() != room/4+1 || e.shelf.held["large.m4s"] != nil {
		t.Errorf("a large file: %d bytes, held: %v", w.Body.Len(), e.shelf.held["large.m4s"] != nil)
	}
	var sum int64
	for _, r := range e.shelf.held {
		sum += r.memory()
	}
	if sum != e.shelf.used || sum == 0 {
		t.Errorf("%d bytes are counted, %d held", e.shelf.used, sum)
	}
}

// hook does something before the first byte of a body is written.
type hook struct {
	*httptest.ResponseRecorder
	first func() error
}

func (h *hook) Write(p []byte) (int, error) {
	if h.first != nil {
		if err := h.first(); err != nil {
			return 0, err
		}
		h.first = nil
	}
	return h.ResponseRecorder.Write(p)
}

func TestFileThatIsCutShortWhileItIsSentEndsTheAnswer(t *testing.T) {
	dir, made := t.TempDir(), time.Now()
	name := filepath.Join(dir, "app.js.br") // whose answer has no length by which its client would know
	for file, size := range map[string]int{filepath.Join(dir, "app.js"): 4 * maxHeld, name: 2 * maxHeld} {
		if err := errors.Join(os.WriteFile(file, make([]byte, size), 0o644), os.Chtimes(file, made, made)); err != nil {
			t.Fatal(err)
		}
	}
	e := newEdge(t, func(cfg *Config) { cfg.Root = dir })
	r := httptest.NewRequest("GET", "/app.js", nil)
	r.Header.Set("Accept-Encoding", "br")
	w := &hook{httptest.NewRecorder(), func() error { return os.Truncate(name, maxHeld) }}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("panic %v, want http.ErrAbortHandler", p)
			}
		}()
		e.Public().ServeHTTP(w, r)
	}()
	if w.Body.Len() != maxHeld || w.Header().Get("Content-Encoding") != "br" {
		t.Fatalf("%d bytes, %v", w.Body.Len(), w.Header())
	}
	if got := ask(e.Operator(), httptest.NewRequest("GET", "/metrics", nil)).Body.String(); !strings.Contains(got, `quicedge_http_requests_total{code="500",handler="file",proto="http/1.1"} 1`) {
		t.Errorf("not counted as 500:\n%s", got)
	}
}

func TestLargeFileComesFromTheDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large.m4s"), []byte(strings.Repeat("0123456789abcdef", maxHeld/16+1)), 0o644); err != nil {
		t.Fatal(err)
	}
	h := newEdge(t, func(cfg *Config) { cfg.Root = dir }).Public()
	w := ask(h, httptest.NewRequest("GET", "/large.m4s", nil))
	tag := w.Header().Get("Etag")
	if w.Body.Len() != maxHeld+16 || tag == "" {
		t.Fatalf("%d bytes, tag %q", w.Body.Len(), tag)
	}
	r := httptest.NewRequest("GET", "/large.m4s", nil)
	r.Header.Set("Range", "bytes=1048570-1048580")
	r.Header.Set("If-Range", tag)
	if w := ask(h, r); w.Code != 206 || w.Body.String() != "abcdef01234" {
		t.Errorf("a part: %d %q", w.Code, w.Body)
	}
}
