package edge

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func siteOf(t *testing.T) (dir string) {
	t.Helper()
	outside := t.TempDir()
	dir = t.TempDir()
	for name, content := range map[string]string{
		"index.html": "<h1>home</h1>", "v/seg.m4s": "0123456789", "v/list.m3u8": "#EXTM3U", "v/a.ts": "x", "app.js": "1",
		".env": "secret", ".git/config": "secret", ".well-known/ok": "ok", "sub/index.html": "sub", "a b.webp": "img",
	} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"leak": filepath.Join(outside, "secret"), "up": "..", "in.js": "app.js"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFilesOfTheRootAndNothingElse(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Root = siteOf(t) })
	for target, c := range map[string]struct {
		status      int
		contentType string
		body        string
	}{
		"/":               {200, "text/html; charset=utf-8", "<h1>home</h1>"},
		"/index.html":     {200, "text/html; charset=utf-8", "<h1>home</h1>"},
		"/v/seg.m4s":      {200, "video/iso.segment", "0123456789"},
		"/v/list.m3u8":    {200, "application/vnd.apple.mpegurl", "#EXTM3U"},
		"/v/a.ts":         {200, "video/mp2t", "x"},
		"/in.js":          {200, "text/javascript; charset=utf-8", "1"},
		"/a%20b.webp":     {200, "image/webp", "img"},
		"/sub/":           {200, "text/html; charset=utf-8", "sub"},
		"/.well-known/ok": {200, "application/octet-stream", "ok"},
		"/sub":            {301, "", ""},
		"/v/":             {404, "", ""},
		"/v/seg.m4s/":     {404, "", ""},
		"/.env":           {404, "", ""},
		"/.git/config":    {404, "", ""},
		"/leak":           {404, "", ""},
		"/up/":            {404, "", ""},
		"/pipe":           {404, "", ""},
		"/%2e%2e/secret":  {404, "", ""},
		"/a%00b":          {404, "", ""},
		"/a%5c..%5cb":     {404, "", ""},
		"/none":           {404, "", ""},
		"//v/seg.m4s":     {200, "video/iso.segment", "0123456789"},
		"/v/./x/../a.ts":  {200, "video/mp2t", "x"},
		"/v/../../secret": {404, "", ""},
	} {
		w := ask(e.Public(), httptest.NewRequest("GET", target, nil))
		if w.Code != c.status || c.status == 200 && (w.Body.String() != c.body || w.Header().Get("Content-Type") != c.contentType) {
			t.Errorf("GET %s: %d %q %q, want %d %q %q", target, w.Code, w.Header().Get("Content-Type"), w.Body, c.status, c.contentType, c.body)
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("GET %s leaks", target)
		}
	}
}

func TestRangesAndConditions(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Root = siteOf(t) })
	tag := ask(e.Public(), httptest.NewRequest("GET", "/v/seg.m4s", nil)).Header().Get("Etag")
	for name, c := range map[string]struct {
		method, header, value string
		status                int
		body                  string
	}{
		"range":       {"GET", "Range", "bytes=2-4", 206, "234"},
		"suffix":      {"GET", "Range", "bytes=-2", 206, "89"},
		"past end":    {"GET", "Range", "bytes=50-", 416, ""},
		"unchanged":   {"GET", "If-None-Match", tag, 304, ""},
		"changed":     {"GET", "If-None-Match", `"x"`, 200, "0123456789"},
		"head":        {"HEAD", "X", "", 200, ""},
		"post":        {"POST", "X", "", 405, ""},
		"if-match no": {"GET", "If-Match", `"x"`, 412, ""},
	} {
		r := httptest.NewRequest(c.method, "/v/seg.m4s", nil)
		r.Header.Set(c.header, c.value)
		if w := ask(e.Public(), r); w.Code != c.status || w.Code < 300 && w.Body.String() != c.body {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, c.status, c.body)
		}
	}
}

func TestLengthIsThatOfTheAnswer(t *testing.T) {
	s := httptest.NewServer(newEdge(t, func(cfg *Config) { cfg.Root = siteOf(t) }).Public())
	defer s.Close()
	for name, c := range map[string]struct{ header, value string }{
		"whole":           {"X", ""},
		"part":            {"Range", "bytes=2-4"},
		"parts":           {"Range", "bytes=2-4,6-7"},
		"past end":        {"Range", "bytes=50-"},
		"if-match no":     {"If-Match", `"x"`},
		"if-unmodified":   {"If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"},
		"unchanged since": {"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"},
	} {
		r, err := http.NewRequest("GET", s.URL+"/v/seg.m4s", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(c.header, c.value)
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body) // fails where the length says more than comes
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			t.Errorf("%s: %d, %d bytes: %v", name, resp.StatusCode, len(body), err)
		}
	}
}

func TestFolderRedirectStaysOnThisHost(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Root = siteOf(t) })
	r := httptest.NewRequest("GET", "/sub?x=1", nil)
	r.URL.Path = "//sub"
	if to := ask(e.instrument("file", e.file), r).Header().Get("Location"); to != "./sub/?x=1" {
		t.Errorf("redirect to %q", to)
	}
}

func TestRootThatIsNotThere(t *testing.T) {
	_, err := New(Config{Root: filepath.Join(t.TempDir(), "none")})
	if err == nil || !strings.Contains(err.Error(), "--root") {
		t.Errorf("got %v", err)
	}
}
