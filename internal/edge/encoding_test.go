package edge

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAcceptedEncodings(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "GZIP": true, "x-gzip": true, "br, gzip;q=0.1": true, "*": true, "br;q=1, *;q=0.5": true, "gzip ; q=1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip;q=0, *": false, "*;q=0": false, "gzip;q=x": false, "gzip;q=2": false,
		"gzip;level=9": false, "identity": false, "gzipped": false,
	} {
		if got := accepts([]string{header}, "gzip"); got != want {
			t.Errorf("Accept-Encoding: %s: %v, want %v", header, got, want)
		}
	}
}

// textSite has a text of 8 KB and a video segment, and what the text was compressed to beforehand where others names it.
func textSite(t *testing.T, others ...string) (dir, text string) {
	t.Helper()
	made := time.Now()
	dir, text = t.TempDir(), strings.Repeat("the same words again; ", 400)
	files := map[string]string{"app.js": text, "seg.m4s": text, "small.js": "1"}
	for _, suffix := range others {
		files["app.js"+suffix] = "compressed" + suffix
	}
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(full, []byte(content), 0o644), os.Chtimes(full, made, made)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, text
}

func TestTextIsCompressedForThoseWhoTakeIt(t *testing.T) {
	dir, text := textSite(t)
	h := newEdge(t, func(cfg *Config) { cfg.Root = dir }).Public()
	for name, c := range map[string]struct {
		path, accept, ranges string
		encoding, vary       string
		status               int
	}{
		"taken":             {"/app.js", "gzip, br", "", "gzip", "Accept-Encoding", 200},
		"not taken":         {"/app.js", "", "", "", "Accept-Encoding", 200},
		"refused":           {"/app.js", "gzip;q=0", "", "", "Accept-Encoding", 200},
		"a part":            {"/app.js", "gzip", "bytes=0-9", "", "Accept-Encoding", 206},
		"video":             {"/seg.m4s", "gzip", "", "", "", 200},
		"too small to gain": {"/small.js", "gzip", "", "", "Accept-Encoding", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", c.path, nil)
			r.Header.Set("Accept-Encoding", c.accept)
			if c.ranges != "" {
				r.Header.Set("Range", c.ranges)
			}
			w := ask(h, r)
			if w.Code != c.status || w.Header().Get("Content-Encoding") != c.encoding || w.Header().Get("Vary") != c.vary {
				t.Fatalf("%d %v", w.Code, w.Header())
			}
			if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
				t.Errorf("Content-Length %s of %d bytes", got, w.Body.Len())
			}
			if c.encoding == "gzip" && unzipped(t, w.Body) != text {
				t.Error("it is another text")
			}
		})
	}
}

func unzipped(t *testing.T, b *bytes.Buffer) string {
	t.Helper()
	z, err := gzip.NewReader(b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFilesCompressedBeforehandAreSent(t *testing.T) {
	for name, c := range map[string]struct {
		accept, encoding, body string
	}{
		"brotli":     {"br", "br", "compressed.br"},
		"zstd":       {"zstd", "zstd", "compressed.zst"},
		"gzip":       {"gzip", "gzip", "compressed.gz"},
		"all":        {"gzip, br, zstd", "br", "compressed.br"}, // the first of the smallest
		"all but br": {"*, br;q=0", "gzip", "compressed.gz"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := textSite(t, ".br", ".zst", ".gz")
			r := httptest.NewRequest("GET", "/app.js", nil)
			r.Header.Set("Accept-Encoding", c.accept)
			w := ask(newEdge(t, func(cfg *Config) { cfg.Root = dir }).Public(), r)
			if w.Header().Get("Content-Encoding") != c.encoding || w.Body.String() != c.body {
				t.Errorf("%v, %d bytes", w.Header(), w.Body.Len())
			}
			if w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
				t.Errorf("type %s", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestFileCompressedFromAnOlderStateIsNotSent(t *testing.T) {
	dir, text := textSite(t, ".br")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "app.js.br"), old, old); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/app.js", nil)
	r.Header.Set("Accept-Encoding", "br")
	if w := ask(newEdge(t, func(cfg *Config) { cfg.Root = dir }).Public(), r); w.Body.String() != text {
		t.Errorf("%v, %d bytes", w.Header(), w.Body.Len())
	}
}

func TestUnchangedSinceIsSaidOfTheEncodingThatWasSent(t *testing.T) {
	dir, _ := textSite(t, ".br")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "app.js.br"), later, later); err != nil {
		t.Fatal(err)
	}
	h := newEdge(t, func(cfg *Config) { cfg.Root = dir }).Public()
	r := httptest.NewRequest("GET", "/app.js", nil)
	r.Header.Set("Accept-Encoding", "br")
	first := ask(h, r)
	r.Header.Set("If-Modified-Since", first.Header().Get("Last-Modified"))
	if again := ask(h, r); again.Code != 304 {
		t.Errorf("%d after %v", again.Code, first.Header())
	}
}

func TestEachEncodingHasATagOfItsOwn(t *testing.T) {
	dir, _ := textSite(t)
	h := newEdge(t, func(cfg *Config) { cfg.Root = dir }).Public()
	tag := func(accept, unless string) (string, int) {
		r := httptest.NewRequest("GET", "/app.js", nil)
		r.Header.Set("Accept-Encoding", accept)
		if unless != "" {
			r.Header.Set("If-None-Match", unless)
		}
		w := ask(h, r)
		return w.Header().Get("Etag"), w.Code
	}
	plain, _ := tag("", "")
	zipped, _ := tag("gzip", "")
	if plain == "" || zipped == "" || plain == zipped {
		t.Fatalf("tags %q and %q", plain, zipped)
	}
	for name, c := range map[string]struct {
		accept, unless string
		status         int
	}{"plain again": {"", plain, 304}, "gzip again": {"gzip", zipped, 304}, "gzip after plain": {"gzip", plain, 200}, "plain after gzip": {"", zipped, 200}} {
		if _, status := tag(c.accept, c.unless); status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
}
