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
	profiles *path.Snapshot
	next     bpf.DataplaneGeneration
	table4   *ebpf.Map // nil: unchanged
	table6   *ebpf.Map
}

// Apply brings the kernel's tables to a snapshot: a prefix table that differs is swapped as a whole, a profile that differs
// is written as a whole. It returns how many tables and profiles that were, 0 where the kernel had this snapshot already. A
// snapshot that does not validate, or whose tables cannot be built, changes nothing.
func (p *Plane) Apply(snap *path.Snapshot) (changed int, err error) {
	return p.exclusive(func() (int, error) {
		c, err := p.prepare(snap)
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

// prepare does all that can fail.
func (p *Plane) prepare(snap *path.Snapshot) (*change, error) {
	if err := validate(snap); err != nil {
		return nil, fmt.Errorf("apply snapshot: %w", err)
	}
	t, err := newTables(snap.Prefixes.Entries())
	if err != nil {
		return nil, fmt.Errorf("apply snapshot: %w", err)
	}
	var now bpf.DataplaneGeneration
	if err := p.maps.Generation.Lookup(uint32(0), &now); err != nil {
		return nil, explain("read the generation", err)
	}
	c := &change{profiles: snap, next: now}
	if now.Digest4 != t.digest4 {
		c.next.Digest4, c.next.Entries4 = t.digest4, uint32(len(t.keys4))
		if c.table4, err = fill(p.spec.Maps[bpf.DataplaneMapPrefixes4], t.keys4, t.values4); err != nil {
			return nil, err
		}
	}
	if now.Digest6 != t.digest6 {
		c.next.Digest6, c.next.Entries6 = t.digest6, uint32(len(t.keys6))
		if c.table6, err = fill(p.spec.Maps[bpf.DataplaneMapPrefixes6], t.keys6, t.values6); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

func (c *change) close() error { return errors.Join(c.table4.Close(), c.table6.Close()) }

// commit puts a change in force. Until the new digests are written those of the tables to be swapped are zero, so that a
// process killed in between leaves tables that the next one replaces, never tables that it takes for others.
func (p *Plane) commit(c *change) (changed int, err error) {
	if c.table4 != nil || c.table6 != nil {
		if changed, err = p.swap(c); err != nil {
			return 0, err
		}
	}
	return changed + p.profiles.store(&c.profiles.Profiles), nil
}

func (p *Plane) swap(c *change) (swapped int, err error) {
	under := c.next
	if c.table4 != nil {
		under.Digest4 = [32]byte{}
	}
	if c.table6 != nil {
		under.Digest6 = [32]byte{}
	}
	if err := p.maps.Generation.Update(uint32(0), &under, ebpf.UpdateAny); err != nil {
		return 0, explain("begin a swap", err)
	}
	for _, s := range []struct{ slot, table *ebpf.Map }{{p.maps.Prefixes4, c.table4}, {p.maps.Prefixes6, c.table6}} {
		if s.table == nil {
			continue
		}
		if err := s.slot.Update(uint32(0), s.table, ebpf.UpdateAny); err != nil {
			return swapped, explain("swap a prefix table", err)
		}
		swapped++
	}
	c.next.Number++
	return swapped, explain("end a swap", p.maps.Generation.Update(uint32(0), &c.next, ebpf.UpdateAny))
}
