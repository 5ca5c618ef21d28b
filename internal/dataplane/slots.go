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
	kind  TableKind
	v6    bool
	outer *ebpf.Map
	make  func(*tables) (*ebpf.Map, error)
}

func (p *Plane) slots() []slot {
	maker := func(name string, f func(*ebpf.MapSpec, *tables) (*ebpf.Map, error)) func(*tables) (*ebpf.Map, error) {
		return func(t *tables) (*ebpf.Map, error) { return f(p.spec.Maps[name].InnerMap, t) }
	}
	return []slot{
		{TableDIR, false, p.maps.Prefixes4, maker(bpf.DataplaneMapPrefixes4, makeDir)},
		{TableDIR, true, p.maps.Prefixes6, maker(bpf.DataplaneMapPrefixes6, makeDxr)},
		{TableTrie, false, p.maps.Trie4, maker(bpf.DataplaneMapTrie4, makeTrie4)},
		{TableTrie, true, p.maps.Trie6, maker(bpf.DataplaneMapTrie6, makeTrie6)},
	}
}

func (s slot) full() (bool, error) {
	var id ebpf.MapID
	err := s.outer.Lookup(uint32(0), &id)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return false, nil
	}
	return err == nil, explain("read the slot of a prefix table", err)
}

func (s slot) put(table *ebpf.Map) error {
	return explain("swap a prefix table", s.outer.Update(uint32(0), table, ebpf.UpdateAny))
}

func (s slot) empty() error {
	err := s.outer.Delete(uint32(0))
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
}

func (s slot) record(g *bpf.DataplaneGeneration) record {
	if s.v6 {
		return record{&g.Digest6, &g.Entries6, &g.Bytes6}
	}
	return record{&g.Digest4, &g.Entries4, &g.Bytes4}
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
		full, err := s.full()
		if err != nil {
			return t, err
		}
		if full && t.Kind == "" {
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
