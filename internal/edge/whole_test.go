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

// fakeWhole keeps what it is asked to send, in lines "name: value".
type fakeWhole struct {
	fields, body string
	sent         int
	refuse       bool
	err          error
}

func (f *fakeWhole) AppendField(to []byte, name, value string) []byte {
	return fmt.Appendf(to, "%s: %s\n", name, value)
}

func (f *fakeWhole) Send(_ http.ResponseWriter, fields, body []byte, _ time.Duration) (bool, error) {
	f.fields, f.body = string(fields), string(body)
	f.sent++
	return !f.refuse, f.err
}

// wholeEdge serves small.txt, text that is held in gzip as well, and big.bin, over HTTP/3 as far as it can tell.
func wholeEdge(t *testing.T) (*Edge, *fakeWhole, func(method, path string, header ...string) *httptest.ResponseRecorder) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"small.txt": strings.Repeat("text ", 400), "big.bin": strings.Repeat("x", maxWhole+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := &fakeWhole{}
	e := newEdge(t, func(cfg *Config) { cfg.Root, cfg.Whole = dir, f })
	return e, f, func(method, path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.ProtoMajor, r.ProtoMinor = 3, 0
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return ask(e.Public(), r)
	}
}

func TestSmallFileIsSentWholeWithTheFieldsOfAnyAnswer(t *testing.T) {
	e, f, get := wholeEdge(t)
	get("GET", "/small.txt", RequestIDHeader, "id-1", TraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.refuse = true
	usual := get("GET", "/small.txt", RequestIDHeader, "id-1", TraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if f.sent != 2 || f.body != usual.Body.String() || len(f.body) != 2000 || usual.Code != 200 {
		t.Fatalf("%d sent, %d bytes whole, %d otherwise", f.sent, len(f.body), usual.Body.Len())
	}
	if !strings.HasPrefix(f.fields, ":status: 200\n") {
		t.Errorf("begins with %q", f.fields)
	}
	for name := range usual.Header() {
		value := usual.Header().Get(name)
		if name == TraceResponse || name == "Date" {
			value = value[:3] // a span, and a second, of its own
		}
		if !strings.Contains(f.fields, "\n"+strings.ToLower(name)+": "+value) {
			t.Errorf("no %s: %s in\n%s", name, value, f.fields)
		}
	}
	if got := strings.Count(f.fields, "\n") - 1; got != len(usual.Header()) {
		t.Errorf("%d fields whole, %d otherwise:\n%s%v", got, len(usual.Header()), f.fields, usual.Header())
	}
	if n := e.shelf.held["small.txt"]; n == nil || len(n.variants) != 2 {
		t.Error("the test wants a file with a compressed form")
	}
}

func TestOnlyPlainAnswersAreSentWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		method, path, header, value string
		whole                       bool
		with                        string // in its fields
		size                        int
	}{
		"a file":       {"GET", "/small.txt", "X", "", true, "content-length: 2000\n", 2000},
		"its header":   {"HEAD", "/small.txt", "X", "", true, "content-length: 2000\n", 0},
		"compressed":   {"GET", "/small.txt", "Accept-Encoding", "gzip", true, "content-encoding: gzip\n", -1},
		"a part":       {"GET", "/small.txt", "Range", "bytes=1-2", false, "", 0},
		"unchanged":    {"GET", "/small.txt", "If-None-Match", `"x"`, false, "", 0},
		"in time":      {"GET", "/small.txt", DeadlineHint, "4000000000000000000", false, "", 0},
		"large":        {"GET", "/big.bin", "X", "", false, "", 0},
		"not there":    {"GET", "/none", "X", "", false, "", 0},
		"not readable": {"POST", "/small.txt", "X", "", false, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, f, get := wholeEdge(t)
			get(tt.method, tt.path, tt.header, tt.value)
			if f.sent == 1 != tt.whole || !strings.Contains(f.fields, tt.with) {
				t.Fatalf("%d sent: %s", f.sent, f.fields)
			}
			if tt.size >= 0 && len(f.body) != tt.size {
				t.Errorf("%d bytes, want %d", len(f.body), tt.size)
			}
		})
	}
}

func TestClientThatLeavesAWholeAnswerIsCounted(t *testing.T) {
	e, f, get := wholeEdge(t)
	f.err = errors.New("stream reset")
	get("GET", "/small.txt")
	if got := ask(e.Operator(), httptest.NewRequest("GET", "/metrics", nil)).Body.String(); !strings.Contains(got, `quicedge_http_requests_total{code="499",handler="file",proto="h3"} 1`) {
		t.Errorf("not counted as 499:\n%s", got)
	}
}
