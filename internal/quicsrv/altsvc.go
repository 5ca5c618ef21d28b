package quicsrv

import "fmt"

// altSvcAge is how long in seconds a client may remember that HTTP/3 is here (RFC 7838, section 3.1). A day: a node that has
// lost its UDP port is forgotten by tomorrow.
const altSvcAge = 86400

// altSvc announces HTTP/3 (RFC 7838, section 3): on each response over TCP, and on the first of each connection over HTTP/3, so that
// the client's memory of it is renewed.
func altSvc(port uint16) []string {
	return []string{fmt.Sprintf(`h3=":%d"; ma=%d`, port, altSvcAge)}
}
