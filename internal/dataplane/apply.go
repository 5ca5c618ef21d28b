package dataplane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

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

// Apply brings the kernel's tables to a snapshot: a prefix table that differs is swapped as a whole, a profile that differs
// is written as a whole. It returns how many tables and profiles that were, 0 where the kernel had this snapshot already. A
// snapshot that does not validate, or whose tables cannot be built, changes nothing.
func (p *Plane) Apply(snap *path.Snapshot) (changed int, err error) {
	return p.exclusive(func() (int, error) {
		c, err := p.prepare(snap, "")
		if err != nil {
			return 0, err
		}
		defer c.close()
		return p.commit(c)
	})
}

// ApplyProfiles is Apply for a snapshot without prefixes: the prefix tables stay as they are.
func (p *Plane) ApplyProfiles(snap *path.Snapshot) (changed int, err error) {
	return p.exclusive(func() (int, error) {
		if err := validate(snap); err != nil {
			return 0, fmt.Errorf("apply profiles: %w", err)
		}
		return p.profiles.store(&snap.Profiles), nil
	})
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

// commit puts a change in force.
func (p *Plane) commit(c *change) (changed int, err error) {
	if err := p.place(c); err != nil {
		return 0, err
	}
	return p.settle(c)
}

// place puts the fresh tables into their slots. From then on until settle the digests of their families are zero, so that a
// process killed in between leaves tables that the next one replaces, never tables that it takes for others.
func (p *Plane) place(c *change) error {
	if len(c.fresh) == 0 {
		return nil
	}
	under := c.now
	for _, f := range c.fresh {
		r := f.record(&under)
		*r.digest, *r.sides = [32]byte{}, *f.record(&c.next).sides
	}
	if err := p.record(&under); err != nil {
		return err
	}
	p.step("began a swap")
	for _, f := range c.fresh {
		if err := f.put(f.table, f.side); err != nil {
			return err
		}
		p.step("swapped a table")
	}
	return nil
}

// settle empties the slots where no program looks any more, says what is in force, and stores the profiles.
func (p *Plane) settle(c *change) (changed int, err error) {
	for _, s := range c.stale {
		if err := s.empty(); err != nil {
			return 0, err
		}
		p.step("emptied a slot")
	}
	if len(c.fresh) > 0 {
		c.next.Number++
		if err := p.record(&c.next); err != nil {
			return 0, err
		}
	}
	return len(c.fresh) + p.profiles.store(&c.profiles.Profiles), nil
}

// takeBack undoes place as long as only slots that were empty have been filled. Others keep the new table, which the digest of
// zero says.
func (p *Plane) takeBack(c *change) (err error) {
	for _, f := range c.fresh {
		if !f.alone {
			return nil
		}
	}
	for _, f := range c.fresh {
		err = errors.Join(err, f.empty())
	}
	return errors.Join(err, p.record(&c.now))
}

func (p *Plane) record(g *bpf.DataplaneGeneration) error {
	return explain("write the generation", p.maps.Generation.Update(uint32(0), g, ebpf.UpdateAny))
}
