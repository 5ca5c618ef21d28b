package edge

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// emptyWriter takes an answer and does nothing with it.
type emptyWriter struct{ header http.Header }

func (w *emptyWriter) Header() http.Header         { return w.header }
func (w *emptyWriter) WriteHeader(int)             {}
func (w *emptyWriter) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkSmallGet prints what a request for a file of 1 KiB costs above the server.
func BenchmarkSmallGet(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "small.bin"), make([]byte, 1024), 0o644); err != nil {
		b.Fatal(err)
	}
	e, err := New(Config{Root: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	h := e.Public()
	r := httptest.NewRequest("GET", "/small.bin", nil)
	r.ProtoMajor, r.ProtoMinor = 3, 0
	w := &emptyWriter{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}
