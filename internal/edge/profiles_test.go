//go:build !dev

package edge

import (
	"net/http/httptest"
	"testing"
)

func TestProfilesAreNotInAProductionBuild(t *testing.T) {
	e := newEdge(t, nil)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline"} {
		if w := ask(e.Operator(), httptest.NewRequest("GET", path, nil)); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
