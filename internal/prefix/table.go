// Package prefix maps client addresses to classes by longest prefix match.
package prefix

import (
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"

	"quicedge/internal/class"
)

// Entry gives the addresses of a prefix to a class.
type Entry struct {
	Prefix netip.Prefix // masked; an IPv4 prefix is never in its IPv6-mapped form
	Class  class.ID
}

// Table is an immutable set of prefixes. The zero value is empty.
type Table struct {
	entries []Entry
	tree    bart.Table[class.ID]
}

// New makes a table. Prefixes must be masked and distinct.
func New(entries []Entry) (*Table, error) {
	t := &Table{entries: entries}
	for _, e := range entries {
		if e.Prefix != e.Prefix.Masked() || e.Prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("prefix %s: not in its canonical form", e.Prefix)
		}
		if !t.insert(e) {
			return nil, fmt.Errorf("prefix %s: given twice", e.Prefix)
		}
	}
	return t, nil
}

// insert makes a prefix answer look-ups. It reports false for one that the table has.
func (t *Table) insert(e Entry) bool {
	if _, taken := t.tree.Get(e.Prefix); taken {
		return false
	}
	t.tree.Insert(e.Prefix, e.Class)
	return true
}

// Entries returns the prefixes in the order they were given. The caller must not change them.
func (t *Table) Entries() []Entry {
	if t == nil {
		return nil
	}
	return t.entries
}

// Lookup returns the longest prefix that covers an address, and its class. An IPv4-mapped IPv6 address is looked up as IPv4;
// an address that no prefix covers has class 0.
func (t *Table) Lookup(addr netip.Addr) (netip.Prefix, class.ID, bool) {
	if t == nil {
		return netip.Prefix{}, 0, false
	}
	addr = addr.Unmap().WithZone("")
	p, id, ok := t.tree.LookupPrefixLPM(netip.PrefixFrom(addr, addr.BitLen()))
	return p, id, ok
}
