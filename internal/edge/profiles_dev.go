//go:build dev

package edge

import (
	"net/http"
	"net/http/pprof"
)

// addProfiles serves net/http/pprof, which shows what the program holds in memory: a development build alone has it.
func (e *Edge) addProfiles(m *http.ServeMux) {
	m.HandleFunc("/debug/pprof/", pprof.Index)
	m.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	m.HandleFunc("/debug/pprof/profile", pprof.Profile)
	m.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("/debug/pprof/trace", pprof.Trace)
}
