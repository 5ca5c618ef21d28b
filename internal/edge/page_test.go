package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPageSaysWhoAndHow(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Node = "<hlj>" })
	w := ask(e.Public(), httptest.NewRequest("GET", "/", nil))
	for _, want := range []string{"&lt;hlj&gt;", "http/1.1", "Heilongjiang", "黑龙江", "CMCC", "1372 bytes (csv)", "192.0.2.1", `id="form"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
	if p := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; script-src 'self'") || strings.Contains(p, "unsafe") {
		t.Errorf("policy %q", p)
	}
	if strings.Contains(w.Body.String(), "<script>") || strings.Contains(w.Body.String(), "://") {
		t.Errorf("a script in the page, or another host:\n%s", w.Body)
	}
}

func TestWhereThePageIs(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	const page, mine, none = "Your connection", "200 mine", "404 404 page not found"
	for name, c := range map[string]struct {
		root, public bool
		want         map[string]string
	}{
		"no root":              {false, true, map[string]string{"/": page, "/quicedge/": page, "/quicedge/page.js": "XMLHttpRequest", "/quicedge/page.css": "body", "/x": none, "/quicedge/x": none, "/api/v1/x": "not_found"}},
		"no root, no uploads":  {false, false, map[string]string{"/": "takes no video", "/quicedge/pattern.mp4": none, "/api/v1/pipelines": "not_found", "/api/v1/client": `"uploads":false`}},
		"a root":               {true, true, map[string]string{"/": mine, "/quicedge/": page, "/quicedge/page.js": "XMLHttpRequest", "/quicedgex": none}},
		"a root, no uploads":   {true, false, map[string]string{"/": mine, "/quicedge/": none, "/quicedge/page.js": none}},
		"a root, not the page": {true, true, map[string]string{"/page/index.html": none}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, func(cfg *Config) {
				cfg.PublicStreams = c.public
				if c.root {
					cfg.Root = root
				}
			})
			for target, want := range c.want {
				w := ask(e.Public(), httptest.NewRequest("GET", target, nil))
				if got := fmt.Sprintf("%d %s", w.Code, w.Body); !strings.Contains(got, want) {
					t.Errorf("GET %s: %.200s, want %q", target, got, want)
				}
			}
			if w := ask(e.Operator(), httptest.NewRequest("GET", "/quicedge/", nil)); w.Code != 200 || !strings.Contains(w.Body.String(), `id="form"`) {
				t.Errorf("the operator gets %d %.200s", w.Code, w.Body)
			}
		})
	}
}

func TestPageAddsItsSlashAndRefusesWhatIsNoReading(t *testing.T) {
	h := newEdge(t, nil).Public()
	if w := ask(h, httptest.NewRequest("GET", "/quicedge", nil)); w.Code != 301 || w.Header().Get("Location") != "./quicedge/" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := ask(h, httptest.NewRequest("POST", "/quicedge/", nil)); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}

func TestPageFilesAreComparedByTheirTags(t *testing.T) {
	h := newEdge(t, nil).Public()
	first := ask(h, httptest.NewRequest("GET", "/quicedge/page.js", nil))
	again := httptest.NewRequest("GET", "/quicedge/page.js", nil)
	again.Header.Set("If-None-Match", first.Header().Get("Etag"))
	if w := ask(h, again); first.Code != 200 || first.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || w.Code != 304 {
		t.Errorf("%d %v, then %d", first.Code, first.Header(), w.Code)
	}
}

func TestPatternIsMadeOnce(t *testing.T) {
	made := 0
	fail := errors.New("no room")
	h := newEdge(t, func(cfg *Config) {
		cfg.Processor = fakeProcessor{pattern: func(_ context.Context, out io.Writer) error {
			if made++; made == 1 {
				return fail
			}
			_, err := io.WriteString(out, "0123456789")
			return err
		}}
	}).Public()
	get := func(ranged string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/quicedge/pattern.mp4", nil)
		r.Header.Set("Range", ranged)
		return ask(h, r)
	}
	if w := get(""); w.Code != 500 {
		t.Errorf("a pattern that failed: %d", w.Code)
	}
	if w := get(""); w.Code != 200 || w.Body.String() != "0123456789" || w.Header().Get("Content-Type") != "video/mp4" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if w := get("bytes=2-4"); w.Code != 206 || w.Body.String() != "234" || made != 2 {
		t.Errorf("%d %q, made %d times", w.Code, w.Body, made)
	}
}

// TestPatternIsNotTakenFromOthers lets the one leave who has asked first, while another waits.
func TestPatternIsNotTakenFromOthers(t *testing.T) {
	var made atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	h := newEdge(t, func(cfg *Config) {
		cfg.Processor = fakeProcessor{pattern: func(ctx context.Context, out io.Writer) error {
			made.Add(1)
			close(begun)
			select {
			case <-goOn:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			_, err := io.WriteString(out, "0123456789")
			return err
		}}
	}).Public()
	get := func(ctx context.Context) <-chan *httptest.ResponseRecorder {
		answer := make(chan *httptest.ResponseRecorder, 1)
		go func() {
			answer <- ask(h, httptest.NewRequestWithContext(ctx, "GET", "/quicedge/pattern.mp4", nil))
		}()
		return answer
	}
	first, leave := context.WithCancel(t.Context())
	left := get(first)
	<-begun
	leave()
	if w := <-left; w.Code == 200 {
		t.Errorf("who left got %d", w.Code)
	}
	other := get(t.Context())
	close(goOn)
	if w := <-other; w.Code != 200 || w.Body.String() != "0123456789" || made.Load() != 1 {
		t.Errorf("the other got %d %q, made %d times", w.Code, w.Body, made.Load())
	}
}

func TestPatternIsBounded(t *testing.T) {
	h := newEdge(t, func(cfg *Config) {
		cfg.Processor = fakeProcessor{pattern: func(_ context.Context, out io.Writer) error {
			for {
				if _, err := out.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		}}
	}).Public()
	if w := ask(h, httptest.NewRequest("GET", "/quicedge/pattern.mp4", nil)); w.Code != 500 {
		t.Errorf("%d", w.Code)
	}
}
