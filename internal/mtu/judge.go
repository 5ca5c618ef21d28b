package mtu

import (
	"time"

	"quicedge/internal/class"
)

// JudgeConfig says how firmly a condition stands. The zero value of a field is its default.
type JudgeConfig struct {
	Margin float64       // how far a value must go back behind a threshold, as a part of the value; 0.1
	Dwell  time.Duration // a condition that has changed changes no second time sooner; 10 s
}

// Judge decides conditions on measured values so that a row does not flap. A condition comes to hold when it is true of the values
// as they are: "loss_rate > 6.5%" at 6.51 %. It ceases when it is false of them and of all values within Margin around them: at
// 5.9 %. Between the two it stays as it was. A condition over a value that is not known does not hold.
//
// A nil Judge judges by the values alone. A Judge is not safe for concurrent use.
type Judge struct {
	cfg      JudgeConfig
	standing map[judged]standing
	swept    time.Time
}

// judged is a condition of a class. It names the row by what it says, so that a reload of the table keeps what stands.
type judged struct {
	id        class.ID
	sel       Selector
	condition string
}

type standing struct {
	holds   bool
	changed time.Time // zero: never
	seen    time.Time

	of    values // what it was judged by
	alone bool   // what those alone say
}

// values are the measured values that a condition turns on, to be compared.
type values struct {
	loss, rtt           float64
	lossKnown, rttKnown bool
}

func (c Condition) values(m Measured) (v values) {
	if c.uses.loss && m.LossRate != nil {
		v.loss, v.lossKnown = *m.LossRate, true
	}
	if c.uses.rtt && m.RTT != nil {
		v.rtt, v.rttKnown = *m.RTT, true
	}
	return v
}

// judge says what the values alone say of a condition. It is evaluated only where they have changed: most classes of most nodes are
// silent.
func (s standing) judge(c Condition, id class.ID, m Measured) bool {
	if !s.seen.IsZero() && s.of == c.values(m) {
		return s.alone
	}
	return c.Holds(id, m)
}

// NewJudge makes a Judge to whom no condition holds yet.
func NewJudge(cfg JudgeConfig) *Judge {
	if cfg.Margin <= 0 {
		cfg.Margin = 0.1
	}
	if cfg.Dwell <= 0 {
		cfg.Dwell = 10 * time.Second
	}
	return &Judge{cfg: cfg, standing: map[judged]standing{}}
}

// Verdict says whether the condition of a row holds for a class.
type Verdict struct {
	Holds bool
	Held  Held // why it is not what the values alone say
}

// Held says what keeps a condition as it was.
type Held uint8

// What keeps a condition.
const (
	NotHeld  Held = iota
	ByMargin      // the values are not far enough behind the threshold
	ByDwell       // it has changed just now
)

// Verdict judges a row and remembers nothing.
func (j *Judge) Verdict(id class.ID, r Row, m Measured, now time.Time) Verdict {
	if j == nil || r.Condition.uses == (measurements{}) {
		return Verdict{Holds: r.Condition.Holds(id, m)}
	}
	was, judgedBefore := j.standing[judged{id, r.Selector, r.Condition.text}]
	return j.verdict(was, judgedBefore, id, r, m, now)
}

func (j *Judge) verdict(was standing, judgedBefore bool, id class.ID, r Row, m Measured, now time.Time) Verdict {
	v := Verdict{Holds: was.judge(r.Condition, id, m)}
	if !judgedBefore || v.Holds == was.holds {
		return v
	}
	if was.holds && r.Condition.holdsWithin(j.cfg.Margin, id, m) {
		return Verdict{Holds: true, Held: ByMargin}
	}
	// A clock that was set back holds nothing.
	if since := now.Sub(was.changed); !was.changed.IsZero() && since >= 0 && since < j.cfg.Dwell {
		return Verdict{Holds: was.holds, Held: ByDwell}
	}
	return v
}

// Holds judges a row and remembers what it decided.
func (j *Judge) Holds(id class.ID, r Row, m Measured, now time.Time) bool {
	if j == nil || r.Condition.uses == (measurements{}) {
		return r.Condition.Holds(id, m)
	}
	j.sweep(now)
	key := judged{id, r.Selector, r.Condition.text}
	s, judgedBefore := j.standing[key]
	s.alone, s.of, s.seen = s.judge(r.Condition, id, m), r.Condition.values(m), now
	v := j.verdict(s, judgedBefore, id, r, m, now)
	if judgedBefore && s.holds != v.Holds {
		s.changed = now
	}
	s.holds = v.Holds
	j.standing[key] = s
	return v.Holds
}

// forgotten is how long a condition is remembered that nobody asks about: one of a row that a reload has removed.
const forgotten = time.Hour

func (j *Judge) sweep(now time.Time) {
	if since := now.Sub(j.swept); since >= 0 && since < forgotten {
		return
	}
	for key, s := range j.standing {
		if now.Sub(s.seen) > forgotten {
			delete(j.standing, key)
		}
	}
	j.swept = now
}

// holdsWithin reports whether the condition holds at a corner of the band of a margin around the values.
func (c Condition) holdsWithin(margin float64, id class.ID, m Measured) bool {
	for _, loss := range corners(m.LossRate, margin, c.uses.loss) {
		for _, rtt := range corners(m.RTT, margin, c.uses.rtt) {
			if c.Holds(id, Measured{LossRate: loss, RTT: rtt}) {
				return true
			}
		}
	}
	return false
}

func corners(value *float64, margin float64, used bool) []*float64 {
	if value == nil || !used {
		return []*float64{value}
	}
	low, high := *value*(1-margin), *value*(1+margin)
	return []*float64{&low, &high}
}
