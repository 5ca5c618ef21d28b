// Package control turns what operators wrote (tables, overrides) into one immutable Snapshot and reconciles the kernel and the
// server to it. A Snapshot that cannot be made, or that the kernel refuses, changes nothing.
package control

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"quicedge"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
	"quicedge/internal/prefix/importer"
	"quicedge/internal/statedir"
)

// Files says where a Snapshot's sources lie.
type Files struct {
	Table    string       // CSV of MTUs; "" is the table that the program carries
	Prefixes string       // CSV of prefixes; "" is none
	State    statedir.Dir // holds the overrides

	NATTimeouts path.NATTimeouts // by ISP, from the settings
}

// Inputs is what Files hold.
type Inputs struct {
	Layers   mtu.Layers
	Prefixes *prefix.Table

	NATTimeouts path.NATTimeouts

	classes []classLayers // of every class, those of Layers that speak of it
}

// classLayers is what layers say of one class.
type classLayers struct {
	id     class.ID
	layers mtu.Layers
}

// Read reads and checks all sources.
func (f Files) Read() (Inputs, error) {
	in := Inputs{NATTimeouts: f.NATTimeouts}
	var err error
	if in.Layers.CSV, err = ReadTable(f.Table); err != nil {
		return in, err
	}
	if in.Prefixes, err = readPrefixes(f.Prefixes); err != nil {
		return in, err
	}
	if in.Layers.Overrides, err = f.State.Overrides(); err != nil {
		return in, err
	}
	for _, id := range class.All() {
		in.classes = append(in.classes, classLayers{id, in.Layers.Of(id)})
	}
	return in, nil
}

// Snapshot compiles the sources.
func (in Inputs) Snapshot() (*path.Snapshot, error) {
	return path.Compile(in.Prefixes, in.Layers, in.NATTimeouts)
}

// ReadTable reads a table of MTUs; "" is the one that the program carries.
func ReadTable(name string) (*mtu.Table, error) {
	if name == "" {
		return mtu.ParseTable(bytes.NewReader(quicedge.DefaultTable), "province_mtu.csv (built in)")
	}
	return readFile(name, "table", mtu.ParseTable)
}

func readPrefixes(name string) (*prefix.Table, error) {
	if name == "" {
		return &prefix.Table{}, nil
	}
	table, err := readFile(name, "prefixes", prefix.ParseCSV)
	if err == nil {
		return table, nil
	}
	if format, unknown := importer.Detect(name); unknown == nil && format != importer.CSV {
		return nil, fmt.Errorf("prefixes %s: %s, not a prefix table: make one of it with quicedge prefix import %s --out prefixes.csv", name, format, name)
	}
	return nil, err
}

func readFile[T any](name, what string, parse func(io.Reader, string) (T, error)) (T, error) {
	f, err := os.Open(name)
	if err != nil {
		var none T
		return none, fmt.Errorf("read %s: %w", what, err)
	}
	defer f.Close()
	return parse(f, name)
}
