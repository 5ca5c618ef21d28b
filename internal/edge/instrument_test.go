package edge

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequestIDIsKeptWhereItIsOne(t *testing.T) {
	h := newEdge(t, nil).Operator()
	for given, keep := range map[string]bool{"abc-1.2_3": true, "": false, "a b": false, "x\n": false, strings.Repeat("a", 129): false} {
		r := httptest.NewRequest("GET", "/livez", nil)
		r.Header[RequestIDHeader] = []string{given}
		got := ask(h, r).Header().Get(RequestIDHeader)
		if !validID(got) || (got == given) != keep {
			t.Errorf("id %q became %q", given, got)
		}
	}
}

func TestRequestIDReachesTheProcessor(t *testing.T) {
	var got string
	e := newEdge(t, func(cfg *Config) {
		cfg.Processor = fakeProcessor{synthetic: func(ctx context.Context, _ SyntheticRequest) (SyntheticResult, error) {
			got = RequestID(ctx)
			return SyntheticResult{}, nil
		}}
	})
	r := post("/api/v1/process", "", goodBody)
	r.Header.Set(RequestIDHeader, "r-1")
	if ask(e.Operator(), r); got != "r-1" {
		t.Errorf("got id %q", got)
	}
}

func TestPanicIsAnsweredWith500AndLogged(t *testing.T) {
	var log bytes.Buffer
	e := newEdge(t, func(cfg *Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	w := ask(e.instrument("x", func(http.ResponseWriter, *http.Request) { panic("boom") }), httptest.NewRequest("GET", "/", nil))
	if code, _, _ := errorOf(t, w.Body.Bytes()); w.Code != 500 || code != "internal" {
		t.Errorf("got %d %q", w.Code, code)
	}
	for _, want := range []string{"boom", "request_id=", "province=23", "isp=CMCC", "status=500", "handler=x"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, log.String())
		}
	}
}

func TestPanicAfterTheHeaderAbortsTheResponse(t *testing.T) {
	e := newEdge(t, nil)
	h := e.instrument("x", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		panic("boom")
	})
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("panic %v, want http.ErrAbortHandler", p)
		}
	}()
	ask(h, httptest.NewRequest("GET", "/", nil))
}

func TestClientAddressIsNeverMapped(t *testing.T) {
	for remote, want := range map[string]string{
		"[::ffff:198.51.100.7]:1": "198.51.100.7", "198.51.100.7:1": "198.51.100.7", "[2001:db8::1]:1": "2001:db8::1", "@": "invalid IP",
	} {
		if got := clientAddr(&http.Request{RemoteAddr: remote}).String(); got != want {
			t.Errorf("%s became %s, want %s", remote, got, want)
		}
	}
}
