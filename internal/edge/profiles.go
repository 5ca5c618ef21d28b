//go:build !dev

package edge

import "net/http"

// addProfiles adds nothing: see the development build.
func (e *Edge) addProfiles(*http.ServeMux) {}
