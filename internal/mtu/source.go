package mtu

import "fmt"

// Source is the layer that set a value, weakest first.
type Source uint8

// The layers.
const (
	SourceDefault  Source = iota // the table's default row: no one knows this class yet
	SourceCSV                    // a row of the table for this class
	SourceLearned                // learned from live connections
	SourcePolicy                 // the policy centre
	SourceOverride               // the operator: quicedge mtu set
)

var sourceNames = [...]string{"default", "csv", "learned", "policy", "override"}

func (s Source) String() string {
	if int(s) >= len(sourceNames) {
		return fmt.Sprintf("Source(%d)", uint8(s))
	}
	return sourceNames[s]
}

// MarshalText makes a Source a name in JSON.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
