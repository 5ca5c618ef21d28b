// Package mtu knows the path MTU of each class: the table province_mtu.csv, the operator's overrides above it, and the
// UDP payload that fits. It does no I/O but reading and writing CSV.
package mtu

import "quicedge/internal/class"

// Table is a set of rows in the order of its file. It is immutable; the zero value has no rows.
type Table struct {
	rows []Row
}

// Rows returns the rows. The caller must not change them.
func (t *Table) Rows() []Row {
	if t == nil {
		return nil
	}
	return t.rows
}

// Find returns the row that holds for a class: the most specific one whose condition applies, the first of equals, the default
// row last of all.
func (t *Table) Find(id class.ID, m Measured) (Row, bool) {
	return t.find(id, func(r Row) bool { return r.Condition.Holds(id, m) })
}

func (t *Table) find(id class.ID, holds func(Row) bool) (Row, bool) {
	var best Row
	rank := -2
	for _, r := range t.Rows() {
		if n := r.rank(); n > rank && r.Covers(id) && holds(r) {
			best, rank = r, n
		}
	}
	return best, rank > -2
}

// Of returns a table of the rows that may ever hold for a class, in their order: for the class it is the table, and sooner searched.
func (t *Table) Of(id class.ID) *Table {
	var rows []Row
	for _, r := range t.Rows() {
		if r.Covers(id) && (r.Condition.uses != measurements{} || r.Condition.Holds(id, Measured{})) {
			rows = append(rows, r)
		}
	}
	return &Table{rows: rows}
}

// rank puts the default row below any other and, among rows of the same classes, a condition above "always".
func (r Row) rank() int {
	if r.Default {
		return -1
	}
	n := 2 * r.specificity()
	if r.Condition.program != nil {
		n++
	}
	return n
}

// With returns a table in which a row for the classes of sel, without a condition, has the MTU given.
func (t *Table) With(sel Selector, mtu uint16) *Table {
	rows := append([]Row(nil), t.Rows()...)
	for i, r := range rows {
		if r.Selector == sel && !r.Default && r.Condition.program == nil {
			rows[i].MTU = mtu
			return &Table{rows: rows}
		}
	}
	return &Table{rows: append(rows, Row{Selector: sel, MTU: mtu})}
}

// Promote returns a table by which the classes of sel have an MTU or less, whatever is measured of them: their own rows are lowered to it,
// and one without a condition is added where they have none.
func (t *Table) Promote(sel Selector, mtu uint16) *Table {
	rows := append([]Row(nil), t.Rows()...)
	plain := false
	for i, r := range rows {
		if r.Selector == sel && !r.Default {
			rows[i].MTU = min(r.MTU, mtu)
			plain = plain || r.Condition.program == nil
		}
	}
	if !plain {
		rows = append(rows, Row{Selector: sel, MTU: mtu})
	}
	return &Table{rows: rows}
}

// Without returns a table without the rows for exactly the classes of sel, and whether there was one.
func (t *Table) Without(sel Selector) (*Table, bool) {
	var rows []Row
	for _, r := range t.Rows() {
		if r.Selector != sel || r.Default {
			rows = append(rows, r)
		}
	}
	return &Table{rows: rows}, len(rows) < len(t.Rows())
}
