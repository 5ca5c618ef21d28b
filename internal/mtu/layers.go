package mtu

import (
	"fmt"
	"time"

	"quicedge/internal/class"
)

// Layers is every source of an MTU, weakest first.
type Layers struct {
	CSV       *Table               // has a default row
	Learned   map[class.ID]Learned // from live connections; it only ever lowers what the table says; nil for none
	Policy    *Table               // from the policy centre; nil for none
	Overrides *Table               // set by the operator; nil for none
}

// Of returns the layers with those rows alone that may ever hold for a class.
func (l Layers) Of(id class.ID) Layers {
	l.CSV, l.Policy, l.Overrides = l.CSV.Of(id), l.Policy.Of(id), l.Overrides.Of(id)
	return l
}

// Effective is the MTU that holds for a class, and the layer that set it.
type Effective struct {
	MTU    uint16 // bytes
	Source Source
}

// Effective returns the MTU that holds for a class and the layer it comes from, by the measured values alone.
func (l Layers) Effective(id class.ID, m Measured) (Effective, error) {
	return l.Judged(nil, id, m, time.Time{})
}

// Judged returns the MTU that holds for a class and the layer it comes from, with conditions decided by a Judge, who remembers.
func (l Layers) Judged(j *Judge, id class.ID, m Measured, now time.Time) (Effective, error) {
	return l.effective(id, func(r Row) bool { return j.Holds(id, r, m, now) })
}

// Table returns the MTU that the CSV alone gives a class: what the learner is told.
func (l Layers) Table(j *Judge, id class.ID, m Measured, now time.Time) (Effective, error) {
	return Layers{CSV: l.CSV}.Judged(j, id, m, now)
}

func (l Layers) effective(id class.ID, holds func(Row) bool) (Effective, error) {
	if r, ok := l.Overrides.find(id, holds); ok {
		return Effective{MTU: r.MTU, Source: SourceOverride}, nil
	}
	if r, ok := l.Policy.find(id, holds); ok {
		return Effective{MTU: r.MTU, Source: SourcePolicy}, nil
	}
	r, ok := l.CSV.find(id, holds)
	learned := l.Learned[id].MTU
	switch {
	case !ok:
		return Effective{}, fmt.Errorf("no row of the table holds for class %s: add a row \"default,any,1500,always\"", id)
	case learned > 0 && learned < r.MTU:
		return Effective{MTU: learned, Source: SourceLearned}, nil
	case r.Default:
		return Effective{MTU: r.MTU, Source: SourceDefault}, nil
	}
	return Effective{MTU: r.MTU, Source: SourceCSV}, nil
}

// Deciding returns the row that sets the MTU of a class, and its layer; for SourceLearned there is no row. It changes nothing.
func (l Layers) Deciding(j *Judge, id class.ID, m Measured, now time.Time) (r Row, from Source) {
	holds := func(r Row) bool { return j.Verdict(id, r, m, now).Holds }
	e, _ := l.effective(id, holds) // an error leaves no row
	switch e.Source {
	case SourceOverride:
		r, _ = l.Overrides.find(id, holds)
	case SourcePolicy:
		r, _ = l.Policy.find(id, holds)
	case SourceCSV, SourceDefault:
		r, _ = l.CSV.find(id, holds)
	}
	return r, e.Source
}
