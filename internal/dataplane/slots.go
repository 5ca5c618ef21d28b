package dataplane

import (
	"errors"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// slot is where the programs that were loaded for a kind of table look for that of a family. Which kind is in force is told by
// which slots are full, so that whoever opens the data plane later knows. Both are while an upgrade changes the kind, and
// after one that was killed: until the next load, each change of table then fills both.
type slot struct {
	kind   TableKind
	v6     bool
	first  *ebpf.Map // of one slot
	second *ebpf.Map // of two, for the second maps of tables; nil where tables have none
	plan   func(t *tables, side int) (builder, error)
}

func (p *Plane) slots() []slot {
	return []slot{
		p.slot(TableDIR, false, bpf.DataplaneMapPrefixes4, bpf.DataplaneMapLeaves4, planDir),
		p.slot(TableDIR, true, bpf.DataplaneMapPrefixes6, bpf.DataplaneMapLists6, planDxr),
		p.slot(TableTrie, false, bpf.DataplaneMapTrie4, "", planTrie4),
		p.slot(TableTrie, true, bpf.DataplaneMapTrie6, "", planTrie6),
	}
}

func (p *Plane) slot(kind TableKind, v6 bool, first, second string, plan planner) slot {
	fields := mapFields(&p.maps)
	s := slot{kind: kind, v6: v6, first: *fields[first]}
	inner := [2]*ebpf.MapSpec{p.spec.Maps[first].InnerMap}
	if second != "" {
		s.second, inner[1] = *fields[second], p.spec.Maps[second].InnerMap
	}
	s.plan = func(t *tables, side int) (builder, error) { return plan(inner[0], inner[1], t, side) }
	return s
}

// current is the id of the table in the slot, 0 where it is empty.
func (s slot) current() (id ebpf.MapID, err error) {
	err = s.first.Lookup(uint32(0), &id)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return 0, nil
	}
	return id, explain("read the slot of a prefix table", err)
}

// put swaps a table in. Its second map goes to the side that the table in force has nothing at; when no program is in that any
// more, which the kernel waits for, the other side is emptied.
func (s slot) put(t table, side int) error {
	if t.second != nil {
		if err := s.second.Update(uint32(side), t.second, ebpf.UpdateAny); err != nil {
			return explain("place the second part of a prefix table", err)
		}
	}
	if err := s.first.Update(uint32(0), t.first, ebpf.UpdateAny); err != nil {
		return explain("swap a prefix table", err)
	}
	if s.second == nil {
		return nil
	}
	err := remove(s.second, 1-side)
	if t.second == nil {
		err = errors.Join(err, remove(s.second, side))
	}
	return err
}

// empty removes the table from its slot.
func (s slot) empty() error {
	err := remove(s.first, 0)
	if s.second != nil {
		err = errors.Join(err, remove(s.second, 0), remove(s.second, 1))
	}
	return err
}

func remove(slots *ebpf.Map, at int) error {
	err := slots.Delete(uint32(at))
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	return explain("remove a prefix table", err)
}

// record is what struct generation says of a family's tables.
type record struct {
	digest  *[32]byte
	entries *uint32
	bytes   *uint64
	sides   *[2]uint32
}

func (s slot) record(g *bpf.DataplaneGeneration) record {
	if s.v6 {
		return record{&g.Digest6, &g.Entries6, &g.Bytes6, &g.Sides6}
	}
	return record{&g.Digest4, &g.Entries4, &g.Bytes4, &g.Sides4}
}

// of returns what a snapshot has for the slot: the digest, and how many entries.
func (s slot) of(t *tables) (digest [32]byte, entries int) {
	if s.v6 {
		return t.digest6, len(t.keys6)
	}
	return t.digest4, len(t.keys4)
}

// Tables are the prefix tables in force.
type Tables struct {
	Kind       TableKind // empty before a first load has filled them
	IPv4, IPv6 TableSize
}

// TableSize is what a table holds and takes.
type TableSize struct {
	Prefixes int
	Bytes    uint64 // of kernel memory, as the kernel accounts it
}

// Tables reads what the prefix tables are made of and how large they are.
func (p *Plane) Tables() (t Tables, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return t, errClosed
	}
	for _, s := range p.slots() {
		id, err := s.current()
		if err != nil {
			return t, err
		}
		if id != 0 && t.Kind == "" {
			t.Kind = s.kind
		}
	}
	g, err := p.generation()
	t.IPv4 = TableSize{int(g.Entries4), g.Bytes4}
	t.IPv6 = TableSize{int(g.Entries6), g.Bytes6}
	return t, err
}

func (p *Plane) generation() (g bpf.DataplaneGeneration, err error) {
	err = explain("read the generation", p.maps.Generation.Lookup(uint32(0), &g))
	return g, err
}
