package measure

import (
	"math"
	"time"
)

// mean is an average whose samples lose half their weight every half-life. Its weight stands still while nothing comes: silence
// makes a value old, not wrong, and Expire ends it.
type mean struct {
	sum, weight float64
	newest      time.Time
	known       bool // enough weight at the newest sample
}

// add adds samples by their sum and their number. A value needs the weight least to become known, and half of it to stay so, or
// one around least would come and go, and the settings that hang on it with it.
func (m *mean) add(sum, weight, least float64, now time.Time, cfg Config) {
	if weight == 0 && sum == 0 {
		return
	}
	silence := max(now.Sub(m.newest), 0) // a clock that was set back makes no sample heavier
	if m.newest.IsZero() || silence > cfg.Expire {
		*m, silence = mean{}, 0
	}
	old := math.Exp2(-silence.Seconds() / cfg.HalfLife.Seconds())
	m.sum, m.weight, m.newest = m.sum*old+sum, m.weight*old+weight, now
	if m.known {
		least /= 2
	}
	m.known = m.weight >= least
}

func (m *mean) value(now time.Time, cfg Config) Value {
	if m.weight == 0 {
		return Value{}
	}
	v := Value{Value: m.sum / m.weight, Samples: m.weight, Age: max(now.Sub(m.newest), 0)}
	v.Known = m.known && v.Age <= cfg.Expire
	return v
}
