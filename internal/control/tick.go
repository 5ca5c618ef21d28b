package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/measure"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// Settings says how the loop measures and learns. The zero value of a field is its default.
type Settings struct {
	Tick    time.Duration // between two looks at the measurements; 1 s
	Measure measure.Config
	Judge   mtu.JudgeConfig
	Learn   mtu.LearnConfig
	Log     *slog.Logger // nil: nothing is said
}

// defaultTick is short against the half-life of measurements and long against what a tick costs.
const defaultTick = time.Second

// pruneEvery is how many ticks pass between two comparisons of all profiles in the kernel with those of the Snapshot: another may
// have written there.
const pruneEvery = 60

// urgentEvery is the least time between two looks that evidence asks for: where paths of many clients shrink at once, failures come by
// the thousand.
const urgentEvery = 50 * time.Millisecond

// Run ticks until ctx ends, and sooner than a tick where evidence is urgent; then it writes down what was learned.
func (l *Loop) Run(ctx context.Context) {
	ticker, soon := time.NewTicker(l.every), time.NewTimer(l.every)
	defer ticker.Stop()
	defer soon.Stop()
	var said complaint
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			l.mu.Lock()
			said.say(l.log, l.save(l.now()), l.now())
			l.mu.Unlock()
			return
		case <-ticker.C:
		case <-soon.C:
		case <-l.inbox.urgent:
			if wait := urgentEvery - time.Since(last); wait > 0 {
				soon.Reset(wait)
				continue
			}
		}
		last = time.Now()
		_, err := l.Tick()
		said.say(l.log, err, l.now())
	}
}

// complainEvery is how often a trouble that stays is said again.
const complainEvery = time.Minute

// complaint is what was said last.
type complaint struct {
	text string
	at   time.Time
}

// say logs a trouble when it begins, and now and then while it lasts.
func (c *complaint) say(log *slog.Logger, err error, now time.Time) {
	if err == nil || err.Error() == c.text && now.Sub(c.at) < complainEvery {
		return
	}
	c.text, c.at = err.Error(), now
	log.Warn("the loop has met trouble, and tries again; connections go on with the path profiles in force: quicedge status says more", "error", err)
}

// Tick takes in what is new, and makes a new Snapshot where that changes a profile. It returns how many classes changed. After an
// error the server has the Snapshot it had, and the next tick tries again.
func (l *Loop) Tick() (changed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, err = l.tick(l.now())
	l.lastError = ""
	if err != nil {
		l.lastError = err.Error()
	}
	return changed, err
}

func (l *Loop) tick(now time.Time) (changed int, err error) {
	l.ticks++
	take := intake{l, now}
	var missing error
	for _, m := range l.meters {
		missing = errors.Join(missing, m.Measure(take))
	}
	l.inbox.drain(take.Shown)
	learned := map[class.ID]mtu.Learned{}
	l.next.Prefixes = l.inputs.Prefixes
	if err := l.compileInto(&l.next.Profiles, learned, l.inputs, now); err != nil {
		return 0, errors.Join(err, missing)
	}
	if changed, err = l.reconcile(&l.next); err == nil {
		l.saved.learns(learned, l.learned)
		l.learned = learned
		if changed > 0 {
			snap := l.next
			l.publish(compiled{&snap, learned})
		}
	}
	return changed, errors.Join(err, missing, l.keep(now))
}

// reconcile brings the kernel from the Snapshot in force to the next, a class at a time, and returns in how many they differ.
func (l *Loop) reconcile(next *path.Snapshot) (changed int, err error) {
	before := &l.current.Load().Profiles
	for id := range next.Profiles {
		if next.Profiles[id] == before[id] {
			continue
		}
		changed++
		if l.kernel != nil && !l.drifted {
			if err := l.write(class.ID(id), next.Profiles[id]); err != nil {
				l.drifted = true // until the next Prune
				return 0, fmt.Errorf("reconcile data plane: %w", err)
			}
		}
	}
	if l.kernel == nil || !l.drifted && l.ticks%pruneEvery != 0 {
		return changed, nil
	}
	if _, err := l.kernel.Prune(next); err != nil {
		return 0, fmt.Errorf("reconcile data plane: %w", err)
	}
	l.drifted = false
	return changed, nil
}

func (l *Loop) write(id class.ID, p path.Profile) error {
	if (p == path.Profile{}) {
		return l.kernel.Delete(id)
	}
	return l.kernel.Update(id, p)
}

// intake puts measurements where they belong, by the class of the client.
type intake struct {
	loop *Loop
	now  time.Time
}

var _ Log = intake{}

func (t intake) Sent(client netip.Addr, packets, lost uint64, rtt time.Duration) {
	id := t.loop.Lookup(client).Class
	t.loop.estimator.Loss(id, packets, lost, t.now)
	if rtt > 0 && packets > 0 {
		t.loop.estimator.RTT(id, rtt, t.now)
	}
}

func (t intake) Handshakes(id class.ID, n uint64, sum time.Duration) {
	t.loop.estimator.HandshakeRTT(id, sum, n, t.now)
}

func (t intake) Shown(e Event) {
	id := t.loop.Lookup(e.Client).Class
	switch {
	case e.Finished:
		t.loop.estimator.Handshakes(id, 1, 0, t.now)
	case e.Kind == mtu.Failed:
		t.loop.estimator.Handshakes(id, 0, 1, t.now)
	case e.Kind == mtu.Told && t.loop.clamped[id].has(e.MTU):
		return // what the data plane told the kernel itself
	}
	t.loop.learner.Add(mtu.Evidence{Class: id, Net: mtu.NetworkOf(e.Client), Kind: e.Kind, MTU: e.MTU, At: t.now})
}
