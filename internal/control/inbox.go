package control

import (
	"sync/atomic"

	"quicedge/internal/mtu"
)

// inboxSize is how many events may wait for a tick. More than that are lost, and counted: evidence comes again.
const inboxSize = 4096

// inbox takes events from the goroutines of connections, without making one wait.
type inbox struct {
	events chan Event
	urgent chan struct{}
	lost   atomic.Uint64
}

func newInbox() *inbox {
	return &inbox{events: make(chan Event, inboxSize), urgent: make(chan struct{}, 1)}
}

// Shown tells the loop what a validated client's path has shown. It never blocks. What may make the next handshakes of the class
// fail does not wait for a tick.
func (l *Loop) Shown(e Event) {
	select {
	case l.inbox.events <- e:
	default:
		l.inbox.lost.Add(1)
		return
	}
	if e.Kind == mtu.Failed || e.Kind == mtu.Stalled {
		select {
		case l.inbox.urgent <- struct{}{}:
		default: // a tick is due anyway
		}
	}
}

// Lost returns how many events found no room.
func (l *Loop) Lost() uint64 { return l.inbox.lost.Load() }

// drain hands over what has come, at most as much as waits now.
func (i *inbox) drain(take func(Event)) {
	for range len(i.events) {
		take(<-i.events)
	}
}
