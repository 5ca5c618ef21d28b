//go:build dev

package edge

import (
	"net/http/httptest"
	"testing"
)

func TestProfilesAreForTheOperatorOfADevelopmentBuild(t *testing.T) {
	e := newEdge(t, nil)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/cmdline"} {
		if w := ask(e.Operator(), httptest.NewRequest("GET", path, nil)); w.Code != 200 {
			t.Errorf("operator %s: %d", path, w.Code)
		}
		if w := ask(e.Public(), httptest.NewRequest("GET", path, nil)); w.Code != 404 {
			t.Errorf("public %s: %d", path, w.Code)
		}
	}
}
