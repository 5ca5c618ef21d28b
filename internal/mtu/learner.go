package mtu

import (
	"slices"
	"time"

	"quicedge/internal/class"
)

// Precision is how many bytes below what a path carries a search may end: quic-go stops when at most 21 are left to search.
const Precision = 21

// searchEnd is the IP packet size in bytes at which searches end whatever the path: quic-go's largest packet and its headers.
const searchEnd = 1452 + Overhead

// LearnConfig says how evidence becomes an MTU. The zero value of a field is its default.
type LearnConfig struct {
	Window      time.Duration // evidence counts so long; 30 min
	RaiseAfter  time.Duration // a lowered class is tried again after so long, and after up to 8 times that where it stays as it is; 10 min
	MinNetworks int           // fewer client networks than this move nothing, whatever they send; 3
	MinSamples  int           // fewer pieces of evidence than this set nothing; 5
	Share       float64       // of the networks that must pass no more, for a class to be lowered; 0.1
	MaxNetworks int           // that are remembered of a class, those last heard of; 256

	// ICMPAlone lets what ICMP says count for networks of which no connection has shown anything, for hosts where nobody sees the
	// connections. Who knows a server's port can forge it in the name of any network.
	ICMPAlone bool
}

func (c LearnConfig) withDefaults() LearnConfig {
	def := LearnConfig{Window: 30 * time.Minute, RaiseAfter: 10 * time.Minute, MinNetworks: 3, MinSamples: 5, Share: 0.1, MaxNetworks: 256, ICMPAlone: c.ICMPAlone}
	if c.Window > 0 {
		def.Window = c.Window
	}
	if c.RaiseAfter > 0 {
		def.RaiseAfter = c.RaiseAfter
	}
	if c.MinNetworks > 0 {
		def.MinNetworks = c.MinNetworks
	}
	if c.MinSamples > 0 {
		def.MinSamples = c.MinSamples
	}
	if c.Share > 0 {
		def.Share = c.Share
	}
	if c.MaxNetworks > 0 {
		def.MaxNetworks = c.MaxNetworks
	}
	def.MaxNetworks = max(def.MaxNetworks, def.MinNetworks)
	return def
}

// maxDoubling is how often waits are doubled: 8 times as long at most.
const maxDoubling = 3

// wait returns how long a class that was in doubt n times waits before more is tried.
func (c LearnConfig) wait(n int) time.Duration { return c.RaiseAfter << min(n, maxDoubling) }

// calm is how long a class must stay well until its doubts are forgotten.
func (c LearnConfig) calm() time.Duration { return 2 * c.wait(maxDoubling) }

// least returns how many of n networks decide, where a share of them does: never fewer than MinNetworks.
func (c LearnConfig) least(n int, share float64) int {
	k := int(share * float64(n))
	if float64(k) < share*float64(n) {
		k++
	}
	return max(k, c.MinNetworks)
}

// Learner turns evidence into a Learned for each class. It is built to be lied to: a network has one vote however many connections
// it opens, a class is lowered only where MinNetworks networks pass no more, and a size is proven only where MinNetworks networks
// passed it. So fewer hostile networks than that can move a class only between values that honest networks report.
//
// It has no clock and is not safe for concurrent use.
type Learner struct {
	cfg     LearnConfig
	classes map[class.ID]*paths
}

// NewLearner makes a Learner that knows nothing.
func NewLearner(cfg LearnConfig) *Learner {
	return &Learner{cfg: cfg.withDefaults(), classes: map[class.ID]*paths{}}
}

// Add takes evidence in. It returns whether what is learned of the class may have to change at once: a size that counts as proven
// has failed. Anything else may wait until Class is next asked for.
func (l *Learner) Add(e Evidence) (urgent bool) {
	e.Net = NetworkOf(e.Net.Addr())
	if !e.Class.Valid() || !e.Net.IsValid() || e.MTU == 0 {
		return false
	}
	e.MTU = min(max(e.MTU, Min), Max)
	if e.MTU == Min && e.Kind != Discovered && e.Kind != Told {
		return false // what QUIC needs anyway: it says nothing
	}
	if e.Kind == Told && !l.cfg.ICMPAlone && !l.classes[e.Class].knows(e.Net) {
		return false
	}
	return l.paths(e.Class).add(l.cfg, e)
}

func (l *Learner) paths(id class.ID) *paths {
	p := l.classes[id]
	if p == nil {
		p = &paths{}
		l.classes[id] = p
	}
	return p
}

// Class returns what is learned of a class, given the MTU that the table has for it. It is cheap where nothing has happened.
func (l *Learner) Class(id class.ID, table uint16, now time.Time) Learned {
	p := l.classes[id]
	if p == nil {
		return Learned{}
	}
	if p.due(table, now) {
		p.evaluate(l.cfg, table, now)
		if p.forgotten() {
			delete(l.classes, id)
		}
	}
	return p.learned
}

// Classes returns the classes of which there is evidence, in their order.
func (l *Learner) Classes() []class.ID {
	all := make([]class.ID, 0, len(l.classes))
	for id := range l.classes {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}
