package quicsrv

import (
	"context"
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
	since   time.Time // when the last request ended, or the watch began
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
	i.keep, i.since = keep, time.Now()
	i.timer = time.AfterFunc(keep, func() {
		if i.expired() {
			closeIt()
		}
	})
}

// expired looks whether there was no request for all the time, and otherwise sets the timer to when that may be. Requests leave the
// timer alone: they are many, and it is one in minutes.
func (i *idle) expired() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	left := i.keep - time.Since(i.since)
	switch {
	case i.over:
		return false
	case i.running > 0:
		left = i.keep
	case left <= 0:
		return true
	}
	i.timer.Reset(left)
	return false
}

// add counts a request in (1) or out (-1).
func (i *idle) add(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running += n
	if i.running == 0 {
		i.since = time.Now()
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
