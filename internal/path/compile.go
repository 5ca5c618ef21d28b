package path

import (
	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/prefix"
)

// Compile makes a Snapshot of a prefix table and the layers of MTUs.
func Compile(prefixes *prefix.Table, layers mtu.Layers) (*Snapshot, error) {
	s := &Snapshot{Prefixes: prefixes}
	for _, id := range class.All() {
		m, err := layers.Effective(id, mtu.Measured{})
		if err != nil {
			return nil, err
		}
		s.Profiles[id] = NewProfile(m)
	}
	return s, nil
}
