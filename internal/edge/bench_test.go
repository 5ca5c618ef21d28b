package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// emptyWriter takes an answer and does nothing with it.
type emptyWriter struct{ header http.Header }

func (w *emptyWriter) Header() http.Header         { return w.header }
func (w *emptyWriter) WriteHeader(int)             {}
func (w *emptyWriter) Write(p []byte) (int, error) { return len(p), nil }

// lostWhole takes an answer as quicsrv.Whole would, and does nothing with it.
type lostWhole struct{}

func (lostWhole) AppendField(to []byte, _, value string) []byte { return append(to, value...) }

func (lostWhole) Send(http.ResponseWriter, []byte, []byte, time.Duration) (bool, error) {
	return true, nil
}

// BenchmarkSmallGet prints what a request for a file of 1 KiB costs above the server, sent whole and through net/http.
func BenchmarkSmallGet(b *testing.B) {
	b.Run("whole", func(b *testing.B) { benchmarkSmallGet(b, lostWhole{}) })
	b.Run("in parts", func(b *testing.B) { benchmarkSmallGet(b, nil) })
}

func benchmarkSmallGet(b *testing.B, whole Whole) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "small.bin"), make([]byte, 1024), 0o644); err != nil {
		b.Fatal(err)
	}
	home := func(context.Context) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }
	e, err := New(Config{Root: dir, Whole: whole, Client: home})
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
