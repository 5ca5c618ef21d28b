package dataplane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
	"quicedge/internal/class"
	"quicedge/internal/path"
)

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

// Prune makes every profile that of a snapshot, whatever is in its place, and leaves the prefix tables alone. It returns how many
// profiles were different.
func (p *Plane) Prune(snap *path.Snapshot) (changed int, err error) {
	return p.exclusive(func() (int, error) {
		if err := validate(snap); err != nil {
			return 0, fmt.Errorf("apply profiles: %w", err)
		}
		return p.profiles.store(&snap.Profiles), nil
	})
}

// Update writes the profile of one class.
func (p *Plane) Update(id class.ID, profile path.Profile) error {
	if err := validateProfile(profile); err != nil {
		return fmt.Errorf("profile of class %d (%s): %w", id, id, err)
	}
	return p.put(id, profile)
}

// Delete makes a class one of which nothing is known: nothing is clamped.
func (p *Plane) Delete(id class.ID) error { return p.put(id, path.Profile{}) }

func (p *Plane) put(id class.ID, profile path.Profile) error {
	if id >= class.Max {
		return fmt.Errorf("profile of class %d: classes are below %d", id, class.Max)
	}
	_, err := p.exclusive(func() (int, error) {
		p.profiles.of(id).become(encodeProfile(&profile))
		return 1, nil
	})
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

// settle says what is in force, and stores the profiles. Where there are tables of another kind, that has to wait for forsake.
func (p *Plane) settle(c *change) (changed int, err error) {
	if len(c.fresh) > 0 && len(c.stale) == 0 {
		c.next.Number++
		if err := p.record(&c.next); err != nil {
			return 0, err
		}
	}
	return len(c.fresh) + p.profiles.store(&c.profiles.Profiles), nil
}

// forsake empties the slots where no program looks any more, and says what is in force.
func (p *Plane) forsake(c *change) error {
	if len(c.stale) == 0 {
		return nil
	}
	for _, s := range c.stale {
		if err := s.empty(); err != nil {
			return err
		}
		p.step("emptied a slot")
	}
	c.next.Number++
	return p.record(&c.next)
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
