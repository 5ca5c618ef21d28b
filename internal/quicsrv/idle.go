package quicsrv

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// idle closes a connection that has had no request for a while. Keep-alives hold a connection open for as long as its client
// answers: without a bound a telephone would be woken for the rest of the day, and the server would hold the connections of everybody
// who came by. The zero value never closes anything.
type idle struct {
	mu      sync.Mutex
	keep    time.Duration
	running int
	timer   *time.Timer
	over    bool
}

// watch begins to count the time.
func (i *idle) watch(keep time.Duration, closeIt func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return
	}
	i.keep = keep
	i.timer = time.AfterFunc(keep, func() {
		if i.expired() {
			closeIt()
		}
	})
	if i.running > 0 {
		i.timer.Stop()
	}
}

func (i *idle) expired() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.running == 0 && !i.over
}

// add counts a request in (1) or out (-1).
func (i *idle) add(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running += n
	switch {
	case i.timer == nil || i.over:
	case i.running > 0:
		i.timer.Stop()
	default:
		i.timer.Reset(i.keep)
	}
}

// stop lets go of the connection, which has ended.
func (i *idle) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
	if i.timer != nil {
		i.timer.Stop()
	}
}

type connectionKey struct{}

// withConnection makes a connection known to the requests that come over it.
func withConnection(ctx context.Context, conn *quic.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn.QlogTrace())
}

// countOnConnection tells a connection of its requests.
func countOnConnection(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connectionKey{}).(*connection); ok {
			c.idle.add(1)
			defer c.idle.add(-1)
		}
		next.ServeHTTP(w, r)
	})
}
