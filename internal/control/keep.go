package control

import (
	"bytes"
	"fmt"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/statedir"
)

// keepEvery is how much of what was learned a crash may cost.
const keepEvery = 10 * time.Second

// keeper remembers what is in the file of learned values.
type keeper struct {
	text []byte
	at   time.Time
}

// remember takes up what was learned before. A file that does not read is no reason not to serve: everything in it can be learned
// again, from a start that no path refuses.
func (l *Loop) remember() {
	err := l.files.State.Learned(l.learner.Load)
	if err != nil {
		l.log.Warn("what was learned before is left out, and will be written anew: every class starts as one that nobody knows", "error", err)
	}
}

// keep writes down what was learned, where that has changed, now and then.
func (l *Loop) keep(now time.Time) error {
	if now.Sub(l.saved.at) < keepEvery {
		return nil
	}
	return l.save(now)
}

func (l *Loop) save(now time.Time) error {
	l.saved.at = now
	var text bytes.Buffer
	if err := l.learner.Save(&text); err != nil {
		return fmt.Errorf("keep what was learned: %w", err)
	}
	if bytes.Equal(text.Bytes(), l.saved.text) {
		return nil
	}
	if err := l.files.State.SaveLearned(text.Bytes()); err != nil {
		return fmt.Errorf("keep what was learned: %w; the node goes on without: make room in the state folder", err)
	}
	l.saved.text = text.Bytes()
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
