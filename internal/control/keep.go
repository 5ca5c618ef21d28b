package control

import (
	"bytes"
	"fmt"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/statedir"
)

// What a crash may cost: of what was learned, and of the evidence for it. Evidence comes with every connection, and that of all classes
// is megabytes.
const (
	keepEvery         = 10 * time.Second
	keepEvidenceEvery = 5 * time.Minute
)

// keeper remembers what is in the file of learned values.
type keeper struct {
	text  []byte
	at    time.Time
	stale bool  // what was learned has changed since
	err   error // of the last try
}

// learns takes note of a change.
func (k *keeper) learns(now, before map[class.ID]mtu.Learned) {
	for id, l := range now {
		k.stale = k.stale || !l.Since.Equal(before[id].Since)
	}
}

// Remember takes up what another loop has written down since New, in place of what this one knows; the next tick puts it in force.
func (l *Loop) Remember() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember()
}

// remember takes up what was learned before. A file that does not read is no reason not to serve: everything in it can be learned
// again, from a start that no path refuses.
func (l *Loop) remember() {
	err := l.files.State.Learned(l.learner.Load)
	if err != nil {
		l.log.Warn("what was learned before is left out, and will be written anew: every class starts as one that nobody knows", "error", err)
	}
}

// keep writes down what was learned, where that has changed, now and then. A trouble lasts until a write succeeds.
func (l *Loop) keep(now time.Time) error {
	wait := keepEvidenceEvery
	if l.saved.stale || l.saved.err != nil {
		wait = keepEvery
	}
	if since := now.Sub(l.saved.at); since >= 0 && since < wait { // else a clock was set back
		return l.saved.err
	}
	l.saved.err = l.save(now)
	return l.saved.err
}

func (l *Loop) save(now time.Time) error {
	l.saved.at = now
	var text bytes.Buffer
	if err := l.learner.Save(&text); err != nil {
		return fmt.Errorf("keep what was learned: %w", err)
	}
	if bytes.Equal(text.Bytes(), l.saved.text) {
		l.saved.stale = false
		return nil
	}
	if err := l.files.State.SaveLearned(text.Bytes()); err != nil {
		return fmt.Errorf("keep what was learned: %w; the node goes on without: make room in the state folder, and let the node's user write there", err)
	}
	l.saved.text, l.saved.stale = text.Bytes(), false
	return nil
}

// Remembered returns what the last loop wrote down, by class, as it counts now.
func Remembered(state statedir.Dir, layers mtu.Layers, cfg mtu.LearnConfig) (map[class.ID]mtu.Learned, error) {
	learner := mtu.NewLearner(cfg)
	if err := state.Learned(learner.Load); err != nil {
		return nil, err
	}
	all := map[class.ID]mtu.Learned{}
	now := time.Now()
	for _, id := range learner.Classes() {
		table, err := layers.Table(nil, id, mtu.Measured{}, now)
		if err != nil {
			return nil, err
		}
		all[id] = learner.Class(id, table.MTU, now)
	}
	return all, nil
}
