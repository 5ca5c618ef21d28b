package control

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/measure"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// Loop owns the Snapshot that is in force. It makes a new one when the sources are read again (Reload) and when measurements ask
// for it (Tick), and reconciles the kernel to it.
type Loop struct {
	files Files
	every time.Duration
	log   *slog.Logger
	now   func() time.Time
	inbox *inbox

	mu        sync.Mutex // one change at a time; guards what follows
	inputs    Inputs
	meters    []Meter
	kernel    Kernel // nil where no data plane is loaded
	drifted   bool   // the kernel may not have what the Snapshot says
	estimator *measure.Estimator
	judge     *mtu.Judge
	learner   *mtu.Learner
	learned   map[class.ID]mtu.Learned // as the Snapshot in force has it
	lastError string                   // of the last tick
	next      path.Snapshot            // of the tick: most make the one in force once more, and throw it away
	clamped   [class.Max]recent        // MTUs that the data plane has enforced
	saved     keeper
	ticks     uint64

	current atomic.Pointer[Version]
}

// Version is a Snapshot and when it came into force.
type Version struct {
	*path.Snapshot
	Generation uint64 // the Snapshots in force since the start, this one included
	Since      time.Time
}

// New reads the sources and what was learned, makes the first Snapshot, and keeps the table for commands that run without the node.
func New(files Files, settings Settings) (*Loop, error) {
	l := &Loop{files: files, every: settings.Tick, log: settings.Log, now: time.Now, inbox: newInbox()}
	if l.every <= 0 {
		l.every = defaultTick
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.estimator = measure.New(settings.Measure)
	l.judge = mtu.NewJudge(settings.Judge)
	l.learner = mtu.NewLearner(settings.Learn)
	l.remember()
	in, err := files.Read()
	if err != nil {
		return nil, err
	}
	snap, err := l.compile(in, l.now())
	if err != nil {
		return nil, err
	}
	if _, err := files.State.SaveTable(in.Layers.CSV); err != nil {
		return nil, err
	}
	l.inputs = in
	l.publish(snap)
	return l, nil
}

// Drive makes changes reach a kernel that was loaded with the current Snapshot.
func (l *Loop) Drive(k Kernel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kernel = k
}

// Ask makes every tick ask a meter.
func (l *Loop) Ask(m Meter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meters = append(l.meters, m)
}

// Current returns the Snapshot in force. It takes no lock.
func (l *Loop) Current() Version { return *l.current.Load() }

// Snapshot returns the Snapshot in force. It takes no lock.
func (l *Loop) Snapshot() *path.Snapshot { return l.current.Load().Snapshot }

// Profile returns the path profile of an address. It takes no lock.
func (l *Loop) Profile(addr netip.Addr) path.Profile { return l.Lookup(addr).Profile }

// Lookup classes an address. It takes no lock.
func (l *Loop) Lookup(addr netip.Addr) path.Match { return l.Snapshot().Lookup(addr) }

// Reload reads the sources again and puts them in force, the kernel first. After an error all is as it was.
func (l *Loop) Reload() (changed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in, err := l.files.Read()
	if err != nil {
		return 0, err
	}
	snap, err := l.compile(in, l.now())
	if err != nil {
		return 0, err
	}
	undo, err := l.files.State.SaveTable(in.Layers.CSV)
	if err != nil {
		return 0, err
	}
	if l.kernel != nil {
		if changed, err = l.kernel.Apply(snap.Snapshot); err != nil {
			return 0, errors.Join(fmt.Errorf("reconcile data plane: %w", err), undo())
		}
	}
	l.inputs = in
	l.publish(snap)
	return changed, nil
}

// publish puts a Snapshot in force for the server. The kernel has it already.
func (l *Loop) publish(c compiled) {
	v := &Version{Snapshot: c.Snapshot, Generation: 1, Since: l.now()}
	if before := l.current.Load(); before != nil {
		v.Generation = before.Generation + 1
	}
	for id := range v.Profiles {
		l.clamped[id].add(v.Profiles[id].MTU)
	}
	l.current.Store(v)
	l.learned = c.learned
}

// compiled is a Snapshot that waits to be put in force, and what it comes from.
type compiled struct {
	*path.Snapshot
	learned map[class.ID]mtu.Learned
}

// compile makes a Snapshot of the sources and of what is measured and learned.
func (l *Loop) compile(in Inputs, now time.Time) (c compiled, err error) {
	c = compiled{&path.Snapshot{Prefixes: in.Prefixes}, map[class.ID]mtu.Learned{}}
	err = l.compileInto(&c.Profiles, c.learned, in, now)
	return c, err
}

func (l *Loop) compileInto(all *[class.Max]path.Profile, learned map[class.ID]mtu.Learned, in Inputs, now time.Time) (err error) {
	for _, c := range in.classes {
		c.layers.Learned = learned
		if all[c.id], err = l.profile(c, in.NATTimeouts[c.id.ISP()], now); err != nil {
			return err
		}
	}
	return nil
}

// profile makes the profile of one class, and enters what is learned of it among the layers.
func (l *Loop) profile(in classLayers, nat time.Duration, now time.Time) (path.Profile, error) {
	id := in.id
	reading := l.estimator.Class(id, now)
	measured := measuredOf(reading)
	table, err := in.layers.Table(l.judge, id, measured, now)
	if err != nil {
		return path.Profile{}, err
	}
	learned := l.learner.Class(id, table.MTU, now)
	if learned != (mtu.Learned{}) {
		in.layers.Learned[id] = learned
	}
	effective, err := in.layers.Judged(l.judge, id, measured, now)
	if err != nil {
		return path.Profile{}, err
	}
	known := path.Known{MTU: effective, Proven: learned.Proven, Probing: learned.Probing, NATTimeout: nat}
	known.RTT, known.Loss = l.steady(id, reading)
	return path.New(known), nil
}

func measuredOf(r measure.Reading) (m mtu.Measured) {
	if r.LossRate.Known {
		m.LossRate = &r.LossRate.Value
	}
	if rtt := roundTrip(r); rtt.Known {
		ms := rtt.Value * 1000
		m.RTT = &ms
	}
	return m
}

// roundTrip prefers what connections measured while they lived to what the kernel saw of their first packets.
func roundTrip(r measure.Reading) measure.Value {
	if r.RTT.Known {
		return r.RTT
	}
	return r.HandshakeRTT
}

// drift is by how much of itself a measured value has to move for the profile to follow, and never by less than the least here: less
// would write to the kernel at every tick and change nothing that anyone does.
const (
	drift     = 0.1
	leastRTT  = 0.001 // seconds
	leastLoss = 0.001
)

// steady returns the round-trip time and the loss to put into a profile: those it has, while they are near enough.
func (l *Loop) steady(id class.ID, r measure.Reading) (time.Duration, path.Loss) {
	var before path.Profile
	if v := l.current.Load(); v != nil {
		before = v.Profiles[id]
	}
	var rtt time.Duration
	if v := roundTrip(r); v.Known {
		rtt = time.Duration(v.Value * float64(time.Second))
		if before.RTT > 0 && near(rtt.Seconds(), before.RTT.Seconds(), leastRTT) {
			rtt = before.RTT
		}
	}
	var loss path.Loss
	if r.LossRate.Known {
		loss = path.LossOf(r.LossRate.Value)
		if before.Loss.Known() && near(loss.Ratio(), before.Loss.Ratio(), leastLoss) {
			loss = before.Loss
		}
	}
	return rtt, loss
}

func near(a, b, least float64) bool { return max(a, b)-min(a, b) <= max(least, drift*max(a, b)) }

// recent are the last few MTUs that a class had. The programs tell senders of them by ICMP, and the kernel remembers that for
// minutes: it is no news of a path.
type recent [4]uint16

func (r *recent) has(mtu uint16) bool { return slices.Contains(r[:], mtu) }

func (r *recent) add(mtu uint16) {
	if !r.has(mtu) {
		copy(r[1:], r[:])
		r[0] = mtu
	}
}
