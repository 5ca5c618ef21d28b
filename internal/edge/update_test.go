package edge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

type fakeUpdater func(context.Context, UpdateRequest) (UpdateResult, error)

func (f fakeUpdater) Update(ctx context.Context, req UpdateRequest) (UpdateResult, error) {
	return f(ctx, req)
}

func TestUpdate(t *testing.T) {
	for name, c := range map[string]struct {
		body, hint string
		update     Updater
		status     int
		code       string
	}{
		"a program":             {`{"program":"/usr/bin/quicedge"}`, "", fakeUpdater(takeOver), 200, ""},
		"tables":                {`{"tables":true}`, "", fakeUpdater(takeOver), 200, ""},
		"model without version": {`{"model":{"name":"beauty_v2"}}`, "", fakeUpdater(takeOver), 400, "invalid_value"},
		"nothing":               {`{}`, "", fakeUpdater(takeOver), 400, "nothing_to_update"},
		"a relative path":       {`{"program":"quicedge"}`, "", fakeUpdater(takeOver), 400, "invalid_value"},
		"a field of no one":     {`{"binary":"/x"}`, "", fakeUpdater(takeOver), 400, "invalid_json"},
		"nobody to update":      {`{"tables":true}`, "", nil, 503, "update_unavailable"},
		"too late":              {`{"tables":true}`, "1", fakeUpdater(takeOver), 504, "deadline_passed"},
		"a program that ends":   {`{"program":"/bin/false"}`, "", fakeUpdater(failToStart), 502, "update_failed"},
		"a fault of the node":   {`{"tables":true}`, "", fakeUpdater(fault), 500, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, func(cfg *Config) { cfg.Update = c.update })
			r := post("/v1/update", "", c.body)
			if c.hint != "" {
				r.Header.Set(DeadlineHint, c.hint)
			}
			w := ask(e.Operator(), r)
			if w.Code != c.status {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if c.code == "" {
				return
			}
			if code, _, _ := errorOf(t, w.Body.Bytes()); code != c.code {
				t.Errorf("code %s, want %s: %s", code, c.code, w.Body)
			}
		})
	}
}

func takeOver(_ context.Context, req UpdateRequest) (UpdateResult, error) {
	if req.Program != "" {
		return UpdateResult{Updated: []string{"program"}, Process: 7}, nil
	}
	return UpdateResult{Updated: []string{"tables"}}, nil
}

func failToStart(context.Context, UpdateRequest) (UpdateResult, error) {
	return UpdateResult{}, &Error{Status: http.StatusBadGateway, Code: "update_failed", Message: "the new program ended: read its log"}
}

func fault(context.Context, UpdateRequest) (UpdateResult, error) {
	return UpdateResult{}, errors.New("no file descriptors")
}

func TestUpdateIsNotForTheWorldNorForWebPages(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Update = fakeUpdater(takeOver) })
	if w := ask(e.Public(), post("/v1/update", "", `{"tables":true}`)); w.Code == 200 {
		t.Errorf("a client of the public port has updated the node: %s", w.Body)
	}
	r := post("/v1/update", "", `{"tables":true}`)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := ask(e.Operator(), r); w.Code != http.StatusForbidden {
		t.Errorf("a web page has updated the node: %d", w.Code)
	}
	r = post("/v1/update", "", `{"tables":true}`)
	r.Header.Set("Origin", "http://"+r.Host)
	if w := ask(e.Operator(), r); w.Code != http.StatusForbidden {
		t.Errorf("a web page whose name leads here has updated the node: %d", w.Code)
	}
	if w := ask(e.Operator(), httptest.NewRequest("GET", "/v1/update", nil)); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
}
