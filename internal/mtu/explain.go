package mtu

import (
	"fmt"
	"time"

	"quicedge/internal/class"
)

// Candidate is one thing that a layer says about MTUs, and what became of it for a class.
type Candidate struct {
	Source  Source
	Row     Row    // its row; for what was learned, one that names the class alone
	MTU     uint16 // bytes; 0 where nothing is learned
	Covers  bool   // it speaks of the class
	Applies bool   // and its condition holds
	Wins    bool   // and it sets the MTU; at most one does
	Reason  string // why it won or lost
}

// Explain returns every candidate of every layer for a class, strongest layer first, rows in the order of their table, with the
// reason why it won or lost. It changes nothing.
func (l Layers) Explain(j *Judge, id class.ID, m Measured, now time.Time) []Candidate {
	x := explanation{judge: j, id: id, m: m, now: now}
	decided, _ := l.effective(id, x.holds) // an error decides nothing, and no row wins
	x.decided = decided.Source
	all := x.table(l.Overrides, SourceOverride)
	all = append(all, x.table(l.Policy, SourcePolicy)...)
	if learned, known := l.Learned[id]; known {
		table, _ := l.CSV.find(id, x.holds)
		all = append(all, x.learned(learned, table.MTU))
	}
	return append(all, x.table(l.CSV, SourceCSV)...)
}

type explanation struct {
	judge   *Judge
	id      class.ID
	m       Measured
	now     time.Time
	decided Source
}

func (x explanation) holds(r Row) bool { return x.judge.Verdict(x.id, r, x.m, x.now).Holds }

func (x explanation) table(t *Table, source Source) []Candidate {
	best, _ := t.find(x.id, x.holds)
	var all []Candidate
	for _, r := range t.Rows() {
		all = append(all, x.row(r, best, source))
	}
	return all
}

// row explains a row of a layer in which best is the one that goes first.
func (x explanation) row(r, best Row, source Source) Candidate {
	if r.Default {
		source = SourceDefault
	}
	c := Candidate{Source: source, Row: r, MTU: r.MTU, Covers: r.Covers(x.id)}
	if !c.Covers {
		c.Reason = fmt.Sprintf("is for %s", r.Selector)
		return c
	}
	v := x.judge.Verdict(x.id, r, x.m, x.now)
	because := r.Condition.because(v, x.judge, x.m)
	c.Applies = v.Holds
	switch {
	case !v.Holds:
		c.Reason = because
	case r.key() != best.key():
		c.Reason = join(r.losesTo(best), because)
	case x.decided != source:
		c.Reason = join("a stronger layer decides: "+x.decided.String(), because)
	default:
		c.Wins, c.Reason = true, join("the most specific row that applies", because)
	}
	return c
}

// losesTo says by which rule of Table.Find another row that applies goes first.
func (r Row) losesTo(winner Row) string {
	by := winner.Selector.String()
	if winner.Line > 0 {
		by += fmt.Sprintf(" on line %d", winner.Line)
	}
	switch {
	case r.Default:
		return "the default row comes last: " + by + " applies"
	case r.specificity() < winner.specificity():
		return "less specific than " + by
	case r.rank() < winner.rank():
		return "without a condition: " + by + " has one that holds"
	}
	return "later than " + by
}

func (x explanation) learned(l Learned, table uint16) Candidate {
	c := Candidate{Source: SourceLearned, Row: Row{Selector: For(x.id)}, MTU: l.MTU, Covers: true}
	from := fmt.Sprintf("%d samples from %d networks", l.Samples, l.Networks)
	switch {
	case l.Probing:
		c.Reason = fmt.Sprintf("the table's %d bytes are being tried again, %d are proven: %s", table, l.Proven, from)
	case l.MTU == 0 && l.Proven == 0:
		c.Reason = "nothing proven, connections start small: " + from
	case l.MTU == 0:
		c.Reason = fmt.Sprintf("the table's %d bytes stand, %d are proven: %s", table, l.Proven, from)
	case l.MTU >= table:
		c.Reason = fmt.Sprintf("not below the table's %d bytes", table)
	case x.decided != SourceLearned:
		c.Applies, c.Reason = true, "a stronger layer decides: "+x.decided.String()
	default:
		c.Applies, c.Wins, c.Reason = true, true, fmt.Sprintf("below the table's %d bytes: %s", table, from)
	}
	return c
}
