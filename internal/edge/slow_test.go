package edge

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dribble sends the header of a request with a body, one byte of it, and nothing more.
func dribble(t *testing.T, s *httptest.Server, method, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", method, path)
	return conn
}

func TestBodyThatDoesNotComeHoldsNoConnection(t *testing.T) {
	for name, c := range map[string]struct {
		method, path string
		status       int
	}{
		"wanted":                {"POST", "/api/v1/process", 408},
		"of a GET":              {"GET", "/livez", 200},
		"of no route":           {"POST", "/none", 404},
		"of another method":     {"POST", "/livez", 405},
		"of a stream's refusal": {"POST", "/api/v1/streams/x?pipeline=none", 400},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, func(cfg *Config) { cfg.BodyTime = 50 * time.Millisecond })
			conn := dribble(t, server(t, e.Operator(), false), c.method, c.path)
			from := bufio.NewReader(conn)
			answer, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != c.status {
				t.Errorf("%d, want %d", answer.StatusCode, c.status)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Error(err)
			}
			if _, err := from.ReadByte(); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
				t.Errorf("the connection is kept: %v", err)
			}
		})
	}
}

func TestWorkMayTakeLongerThanItsBody(t *testing.T) {
	const limit = 50 * time.Millisecond
	for _, http2 := range []bool{false, true} {
		e := newEdge(t, func(cfg *Config) {
			cfg.BodyTime, cfg.Stall = limit, limit
			cfg.Processor = fakeProcessor{synthetic: func(ctx context.Context, _ SyntheticRequest) (SyntheticResult, error) {
				select {
				case <-ctx.Done():
					return SyntheticResult{}, ctx.Err()
				case <-time.After(4 * limit):
					return SyntheticResult{}, nil
				}
			}}
		})
		s := server(t, e.Operator(), http2)
		answer, err := s.Client().Post(s.URL+"/api/v1/process", "application/json", strings.NewReader(goodBody))
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != 200 {
			t.Errorf("http2 %v: %d", http2, answer.StatusCode)
		}
	}
}

// fileOf makes a site of one file of so many bytes.
func fileOf(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "v.m4s"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDownloadThatNobodyTakesIsCut(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %v", http2), func(t *testing.T) {
			book := &logBook{}
			e := newEdge(t, func(cfg *Config) {
				cfg.Root, cfg.Stall, cfg.Log = fileOf(t, 64<<20), 50*time.Millisecond, slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			s := server(t, e.Public(), http2)
			answer, err := s.Client().Get(s.URL + "/v.m4s")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			eventually(t, "the download is cut", func() bool { return book.has("status=499", "took no byte") })
			if n, err := io.Copy(io.Discard, answer.Body); err == nil {
				t.Errorf("a cut download of %d bytes looks whole", n)
			}
		})
	}
}

func TestDeadlineBoundsADownload(t *testing.T) {
	book := &logBook{}
	e := newEdge(t, func(cfg *Config) {
		cfg.Root, cfg.Log = fileOf(t, 64<<20), slog.New(slog.NewTextHandler(book, nil))
	})
	s := server(t, e.Public(), false)
	ask := func(deadline time.Time) *http.Response {
		r, err := http.NewRequest("GET", s.URL+"/v.m4s", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(DeadlineHint, strconv.FormatInt(deadline.UnixNano(), 10))
		answer, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	if got := ask(time.Now().Add(-time.Second)); got.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("a deadline that has passed: %d", got.StatusCode)
	}
	live := ask(time.Now().Add(500 * time.Millisecond))
	eventually(t, "the download ends at its deadline", func() bool { return book.has("status=504", "deadline_exceeded") })
	if n, err := io.Copy(io.Discard, live.Body); err == nil {
		t.Errorf("a cut download of %d bytes looks whole", n)
	}
	whole := ask(time.Now().Add(time.Minute))
	if n, err := io.Copy(io.Discard, whole.Body); n != 64<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestBadHintOnAFile(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Root = fileOf(t, 1) })
	r := httptest.NewRequest("GET", "/v.m4s", nil)
	r.Header.Set(DeadlineHint, "soon")
	w := ask(e.Public(), r)
	if code, field, _ := errorOf(t, bytes.Clone(w.Body.Bytes())); w.Code != 400 || code != "invalid_deadline" {
		t.Errorf("%d %s %s", w.Code, code, field)
	}
}
