// Package measure smooths what the node measures of its connections into one value a class: round-trip times, packet loss, and
// handshakes that failed. It has no clock: the caller says when it is.
package measure

import (
	"time"

	"quicedge/internal/class"
)

// Config says how values are smoothed. The zero value of a field is its default.
type Config struct {
	HalfLife   time.Duration // after it a sample counts half; 60 s
	Expire     time.Duration // a value without a sample for so long is unknown; 5 min
	MinSamples float64       // of round-trip times and handshakes: with fewer a value is unknown; 20
	MinPackets float64       // that a loss rate needs; 1000: of so many a rate of 6.5 % is known to 0.8 (its standard error)
}

func (c Config) withDefaults() Config {
	if c.HalfLife <= 0 {
		c.HalfLife = time.Minute
	}
	if c.Expire <= 0 {
		c.Expire = 5 * time.Minute
	}
	if c.MinSamples <= 0 {
		c.MinSamples = 20
	}
	if c.MinPackets <= 0 {
		c.MinPackets = 1000
	}
	return c
}

// Estimator holds the smoothed values of all classes. It allocates nothing after New, and is not safe for concurrent use.
type Estimator struct {
	cfg     Config
	classes [class.Max]estimates
}

type estimates struct{ rtt, handshakeRTT, loss, failures mean }

// Reading is what is known of a class at a moment.
type Reading struct {
	RTT          Value // seconds: of connections while they live
	HandshakeRTT Value // seconds: between the first packets, seen by the kernel
	LossRate     Value // lost packets over sent ones, 0 to 1
	FailureRate  Value // handshakes that failed over all that ended, 0 to 1
}

// Value is a smoothed measurement.
type Value struct {
	Value   float64
	Samples float64       // how many, each by its weight when the newest came
	Age     time.Duration // since the newest
	Known   bool          // enough samples, none too old; a false one says nothing
}

// maxRTT bounds a sample: what is longer than QUIC's handshakes live (RFC 9000, section 10.1) is no round trip.
const maxRTT = time.Minute

// New makes an Estimator that knows nothing yet.
func New(cfg Config) *Estimator { return &Estimator{cfg: cfg.withDefaults()} }

// of returns the values of a class, nil for a number that no class has.
func (e *Estimator) of(id class.ID) *estimates {
	if int(id) >= len(e.classes) {
		return nil
	}
	return &e.classes[id]
}

// RTT adds a connection's smoothed round-trip time. Report a connection only where it has sent since its last report: one that
// says nothing new would hold the value where it was.
func (e *Estimator) RTT(id class.ID, rtt time.Duration, now time.Time) {
	if c := e.of(id); c != nil && rtt > 0 && rtt <= maxRTT {
		c.rtt.add(rtt.Seconds(), 1, e.cfg.MinSamples, now, e.cfg)
	}
}

// HandshakeRTT adds n round-trip times by their sum.
func (e *Estimator) HandshakeRTT(id class.ID, sum time.Duration, n uint64, now time.Time) {
	if c := e.of(id); c != nil && n > 0 && sum > 0 && sum.Seconds() <= maxRTT.Seconds()*float64(n) {
		c.handshakeRTT.add(sum.Seconds(), float64(n), e.cfg.MinSamples, now, e.cfg)
	}
}

// Loss adds packets that were sent and found lost since a connection's last report. Lost ones may have been sent before it.
func (e *Estimator) Loss(id class.ID, sent, lost uint64, now time.Time) {
	if c := e.of(id); c != nil {
		c.loss.add(float64(lost), float64(sent), e.cfg.MinPackets, now, e.cfg)
	}
}

// Handshakes adds handshakes that ended.
func (e *Estimator) Handshakes(id class.ID, ok, failed uint64, now time.Time) {
	if c := e.of(id); c != nil {
		c.failures.add(float64(failed), float64(ok)+float64(failed), e.cfg.MinSamples, now, e.cfg)
	}
}

// Class returns what is known of a class now.
func (e *Estimator) Class(id class.ID, now time.Time) Reading {
	c := e.of(id)
	if c == nil {
		return Reading{}
	}
	r := Reading{RTT: c.rtt.value(now, e.cfg), HandshakeRTT: c.handshakeRTT.value(now, e.cfg), LossRate: c.loss.value(now, e.cfg), FailureRate: c.failures.value(now, e.cfg)}
	r.LossRate.Value = min(r.LossRate.Value, 1) // the last packets of a connection are lost when it sends no more
	return r
}
