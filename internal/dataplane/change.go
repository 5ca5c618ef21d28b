package dataplane

import (
	"errors"
	"fmt"

	"quicedge/bpf"
	"quicedge/internal/path"
)

// change is everything that has to be done for a snapshot, made ready beside what is in force.
type change struct {
	profiles  *path.Snapshot
	now, next bpf.DataplaneGeneration
	fresh     []freshTable
	stale     []slot // those of another kind, to be emptied when no program looks there any more
}

// freshTable is a table that waits for its slot.
type freshTable struct {
	slot
	table table
	side  int  // where its second map goes
	alone bool // the slot is empty
}

// prepare does all that can fail. Tables are of the kind given, or of those in force where it is empty.
func (p *Plane) prepare(snap *path.Snapshot, kind TableKind) (*change, error) {
	if err := validate(snap); err != nil {
		return nil, fmt.Errorf("apply snapshot: %w", err)
	}
	t, err := newTables(snap.Prefixes.Entries())
	if err != nil {
		return nil, fmt.Errorf("apply snapshot: %w", err)
	}
	c := &change{profiles: snap}
	if c.now, err = p.generation(); err != nil {
		return nil, err
	}
	c.next = c.now
	for _, s := range p.slots() {
		if err := c.add(s, t, kind); err != nil {
			return nil, errors.Join(fmt.Errorf("apply snapshot: %w", err), c.close())
		}
	}
	return c, nil
}

// add finds what has to be done with a slot.
func (c *change) add(s slot, t *tables, kind TableKind) error {
	current, err := s.current()
	if err != nil {
		return err
	}
	full := current != 0
	if kind != s.kind && (kind != "" || !full) {
		if full {
			c.stale = append(c.stale, s)
		}
		return nil
	}
	sum, _ := s.of(t)
	now := s.record(&c.now)
	if full && *now.digest == sum {
		return nil
	}
	f := freshTable{slot: s, alone: !full}
	if s.second != nil && now.sides[0] == uint32(current) {
		f.side = 1
	}
	build, err := s.plan(t, f.side)
	if err != nil {
		return err
	}
	if f.table, err = build(); err != nil {
		return err
	}
	first := !c.changes(s.v6)
	c.fresh = append(c.fresh, f)
	return c.note(f, t, first)
}

// note writes down what will be in force. Of the first fresh table of a family, or of another kind beside it.
func (c *change) note(f freshTable, t *tables, first bool) error {
	r := f.record(&c.next)
	sum, entries := f.of(t)
	*r.digest, *r.entries = sum, uint32(entries)
	size, err := f.table.bytes()
	if err != nil {
		return err
	}
	if first {
		*r.bytes = 0
	}
	*r.bytes += size
	if f.second == nil {
		return nil
	}
	id, err := mapID(f.table.first)
	r.sides[f.side] = uint32(id)
	return err
}

// changes reports whether there is a fresh table of a family.
func (c *change) changes(v6 bool) bool {
	for _, f := range c.fresh {
		if f.v6 == v6 {
			return true
		}
	}
	return false
}

func (c *change) close() (err error) {
	for _, f := range c.fresh {
		err = errors.Join(err, f.table.close())
	}
	return err
}
