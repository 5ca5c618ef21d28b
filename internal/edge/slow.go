package edge

import (
	"net/http"
	"time"
)

// boundBody bounds the time that an unwanted body holds its connection. HTTP/1.1 reads the rest of a body before it sends the
// header of an answer and before the next request (up to 256 KiB), however slowly it comes; HTTP/2 and HTTP/3 stop the one
// stream instead. A handler that wants the body sets deadlines of its own.
func boundBody(w http.ResponseWriter, r *http.Request, limit time.Duration) {
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
	}
}

// boundWrite fails the writes of an answer that its client does not take within a time, those included that the server makes when
// the handler has returned.
func boundWrite(w http.ResponseWriter, stall time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(stall))
}
