package quicsrv

import (
	"fmt"
	"net/http"
)

// altSvcAge is how long in seconds a client may remember that HTTP/3 is here (RFC 7838, section 3.1). A day: a node that has
// lost its UDP port is forgotten by tomorrow.
const altSvcAge = 86400

// withAltSvc announces HTTP/3 on each response (RFC 7838, section 3), those over HTTP/3 included, so that the client's memory
// of it is renewed.
func withAltSvc(next http.Handler, port uint16) http.Handler {
	value := []string{fmt.Sprintf(`h3=":%d"; ma=%d`, port, altSvcAge)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Alt-Svc"] = value
		next.ServeHTTP(w, r)
	})
}
