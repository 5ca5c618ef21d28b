package control

import (
	"quicedge/internal/class"
	"quicedge/internal/measure"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// State returns how the loop does.
func (l *Loop) State() path.LoopAnswer {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, now := l.Current(), l.now()
	a := path.LoopAnswer{
		Generation: v.Generation, AgeSec: now.Sub(v.Since).Seconds(), Ticks: l.ticks,
		Learned: len(l.learned), EventsLost: l.Lost(), LastError: l.lastError,
	}
	for _, c := range l.inputs.classes {
		if r := l.estimator.Class(c.id, now); r.LossRate.Known || roundTrip(r).Known {
			a.Measured++
		}
	}
	return a
}

// ClassState is what the loop knows of a class.
type ClassState struct {
	Class    class.ID
	Measured measure.Reading
	RTT      measure.Value // seconds: of connections, else of handshakes
	Learned  mtu.Learned
	Profile  path.Profile // in force
}

// Classes returns the classes of which something is measured or learned, in their order.
func (l *Loop) Classes() (all []ClassState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	snap, now := l.Snapshot(), l.now()
	for _, c := range l.inputs.classes {
		r := l.estimator.Class(c.id, now)
		learned, any := l.learned[c.id]
		if any || r.LossRate.Known || r.FailureRate.Known || roundTrip(r).Known {
			all = append(all, ClassState{c.id, r, roundTrip(r), learned, snap.Profiles[c.id]})
		}
	}
	return all
}
