package quicsrv

import "sync"

// requests counts the requests in progress, so that a drain knows when the last has ended. The zero value is ready.
type requests struct {
	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running falls to 0; nil while no one waits
}

// add counts a request in (1) or out (-1).
func (q *requests) add(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running += n
	if q.running == 0 && q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
}

// Running returns the number of requests in progress.
func (q *requests) Running() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running
}

// Idle returns a channel that is closed as soon as no request runs.
func (q *requests) Idle() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle
}
