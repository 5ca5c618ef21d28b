// Package quicedge holds the files that the program carries as its defaults.
package quicedge

import _ "embed"

// DefaultTable is province_mtu.csv, used where no table is given.
//
//go:embed province_mtu.csv
var DefaultTable []byte

// DefaultConfig is quicedge.yaml, every setting with its default and what it does.
//
//go:embed quicedge.yaml
var DefaultConfig []byte
