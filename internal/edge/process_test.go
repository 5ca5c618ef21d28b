package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const goodBody = `{"width":640,"height":360,"frame_count":10,"pipeline":"beauty_v2"}`

func post(path, contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// errorOf reads the error of an answer.
func errorOf(t *testing.T, body []byte) (code, message, field string) {
	t.Helper()
	var e struct {
		Error struct{ Code, Message, Field string }
	}
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	return e.Error.Code, e.Error.Message, e.Error.Field
}

func TestProcessAnswersWithTheTimeOfEachStage(t *testing.T) {
	w := ask(newEdge(t, nil).Operator(), post("/api/v1/process", "application/json; charset=utf-8", goodBody))
	const want = `{"pipeline":"beauty_v2","width":640,"height":360,"frame_count":10,"elapsed_ms":12.5,"stages":{"infer":3}}` + "\n"
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("got %d %s, want 200 %s", w.Code, w.Body, want)
	}
}

func TestProcessRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		code, field       string
	}{
		"unknown field":    {"application/json", `{"widht":640}`, 400, "invalid_json", "widht"},
		"trailing garbage": {"application/json", goodBody + "x", 400, "invalid_json", ""},
		"second object":    {"application/json", goodBody + goodBody, 400, "invalid_json", ""},
		"wrong type":       {"application/json", `{"width":"640"}`, 400, "invalid_json", "width"},
		"fraction":         {"application/json", `{"width":1.5}`, 400, "invalid_json", "width"},
		"huge number":      {"application/json", `{"width":1e99}`, 400, "invalid_json", "width"},
		"array":            {"application/json", `[]`, 400, "invalid_json", ""},
		"cut off":          {"application/json", `{"width":`, 400, "invalid_json", ""},
		"empty":            {"application/json", ``, 400, "invalid_json", ""},
		"too large":        {"application/json", `{"pipeline":"` + strings.Repeat("x", maxJSON), 413, "body_too_large", ""},
		"too much after":   {"application/json", goodBody + strings.Repeat(" ", maxJSON), 413, "body_too_large", ""},
		"form":             {"multipart/form-data; boundary=x", goodBody, 415, "unsupported_media_type", "Content-Type"},
		"bad media type":   {"application/", goodBody, 415, "unsupported_media_type", "Content-Type"},
		"no pipeline":      {"", `{"width":640}`, 400, "missing_pipeline", "pipeline"},
		"unknown pipeline": {"", `{"pipeline":"x"}`, 400, "unknown_pipeline", "pipeline"},
		"no frames":        {"", `{"pipeline":"copy","frame_count":0}`, 400, "invalid_value", "frame_count"},
		"too many frames":  {"", `{"pipeline":"copy","frame_count":10000000}`, 400, "invalid_value", "frame_count"},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(newEdge(t, nil).Operator(), post("/api/v1/process", c.contentType, c.body))
			code, message, field := errorOf(t, w.Body.Bytes())
			if w.Code != c.status || code != c.code || field != c.field || message == "" {
				t.Errorf("got %d %q %q (%s), want %d %q %q", w.Code, code, field, message, c.status, c.code, c.field)
			}
		})
	}
}

func TestProcessIsNotForStrangers(t *testing.T) {
	e := newEdge(t, nil)
	if w := ask(e.Public(), post("/api/v1/process", "", goodBody)); w.Code != 404 {
		t.Errorf("public handler answered %d, want 404", w.Code)
	}
	r := post("http://127.0.0.1:8080/api/v1/process", "", goodBody)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := ask(e.Operator(), r); w.Code != 403 {
		t.Errorf("a web page of another origin got %d, want 403", w.Code)
	}
}

func TestProcessorErrorsKeepTheirStatus(t *testing.T) {
	busy := &Error{Status: 503, Code: "busy", Message: "all workers are busy: try again", RetryAfter: 1500 * time.Millisecond}
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"an error for clients": {busy, 503, "busy"},
		"one wrapped":          {errors.Join(errors.New("x"), busy), 503, "busy"},
		"any other":            {errors.New("secret path"), 500, "internal"},
		"deadline":             {context.DeadlineExceeded, 504, "deadline_exceeded"},
		"node stops":           {context.Canceled, 503, "canceled"},
		"disk full":            {fmt.Errorf("write /secret: %w", syscall.ENOSPC), 507, "insufficient_storage"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, func(cfg *Config) {
				cfg.Processor = fakeProcessor{synthetic: func(context.Context, SyntheticRequest) (SyntheticResult, error) {
					return SyntheticResult{}, c.err
				}}
			})
			w := ask(e.Operator(), post("/api/v1/process", "", goodBody))
			code, message, _ := errorOf(t, w.Body.Bytes())
			if w.Code != c.status || code != c.code || strings.Contains(message, "secret") {
				t.Errorf("got %d %q %q, want %d %q", w.Code, code, message, c.status, c.code)
			}
			if after := w.Header().Get("Retry-After"); (code == "busy") != (after == "2") {
				t.Errorf("Retry-After %q", after)
			}
		})
	}
}

func TestDeadlineHintBoundsTheWork(t *testing.T) {
	for name, c := range map[string]struct {
		hint   []string
		status int
		code   string
	}{
		"live":          {[]string{strconv.FormatInt(time.Now().Add(time.Hour).UnixNano(), 10)}, 200, ""},
		"passed":        {[]string{strconv.FormatInt(time.Now().Add(-time.Second).UnixNano(), 10)}, 504, "deadline_passed"},
		"zero":          {[]string{"0"}, 504, "deadline_passed"},
		"garbage":       {[]string{"soon"}, 400, "invalid_deadline"},
		"empty":         {[]string{""}, 400, "invalid_deadline"},
		"signed":        {[]string{"+99999999999999999"}, 400, "invalid_deadline"},
		"over 64 bits":  {[]string{"99999999999999999999"}, 400, "invalid_deadline"},
		"given twice":   {[]string{"1", "2"}, 400, "invalid_deadline"},
		"far in future": {[]string{"9223372036854775807"}, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := post("/api/v1/process", "", goodBody)
			r.Header[DeadlineHint] = c.hint
			w := ask(newEdge(t, nil).Operator(), r)
			if w.Code != c.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, c.status)
			}
			if c.code != "" {
				if code, _, field := errorOf(t, w.Body.Bytes()); code != c.code || field != DeadlineHint {
					t.Errorf("got %q %q, want %q", code, field, c.code)
				}
			}
		})
	}
}

func TestDeadlineHintReachesTheProcessor(t *testing.T) {
	deadline := time.Now().Add(time.Hour).Round(0)
	var got time.Time
	e := newEdge(t, func(cfg *Config) {
		cfg.Processor = fakeProcessor{synthetic: func(ctx context.Context, req SyntheticRequest) (SyntheticResult, error) {
			got, _ = ctx.Deadline()
			return SyntheticResult{}, nil
		}}
	})
	r := post("/api/v1/process", "", goodBody)
	r.Header.Set(DeadlineHint, strconv.FormatInt(deadline.UnixNano(), 10))
	if ask(e.Operator(), r); !got.Equal(deadline) {
		t.Errorf("the work had the deadline %v, want %v", got, deadline)
	}
}

func FuzzStrangersInput(f *testing.F) {
	f.Add(goodBody, "1700000000000000000", "id-1")
	f.Add(`{"width":1}{`, "-1", "../x")
	f.Fuzz(func(t *testing.T, body, hint, id string) {
		var req SyntheticRequest
		if err := parseJSON(strings.NewReader(body), &req); err != nil {
			if e := jsonError(err, "width"); e.Status != 400 || e.Message == "" {
				t.Errorf("%q: %+v", body, e)
			}
		}
		if when, ok := parseDeadline([]string{hint}); ok && when.Before(time.Unix(0, 0)) {
			t.Errorf("deadline %q is before 1970", hint)
		}
		if validID(id) && strings.ContainsAny(id, "/\\ \r\n\x00%") {
			t.Errorf("id %q is taken for valid", id)
		}
		if name, ok := fileName(id); ok && (strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../")) {
			t.Errorf("path %q leads to %q", id, name)
		}
		if p := printable(body); len(p) > 67 || strings.ContainsAny(p, "\r\n\x00") {
			t.Errorf("%q is not printable", p)
		}
	})
}
