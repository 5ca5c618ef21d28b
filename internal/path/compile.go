package path

import (
	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/prefix"
)

// Compile makes a Snapshot of a prefix table, the layers of MTUs and the timeouts of NATs (nil: the default for every ISP). The
// layers are taken at their word: nothing in it was measured.
func Compile(prefixes *prefix.Table, layers mtu.Layers, nat NATTimeouts) (*Snapshot, error) {
	s := &Snapshot{Prefixes: prefixes}
	for _, id := range class.All() {
		m, err := layers.Effective(id, mtu.Measured{})
		if err != nil {
			return nil, err
		}
		k := taken(m)
		k.NATTimeout = nat[id.ISP()]
		s.Profiles[id] = New(k)
	}
	return s, nil
}
