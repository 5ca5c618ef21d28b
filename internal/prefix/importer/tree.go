package importer

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/oschwald/maxminddb-golang/v2"
)

// checkTree refuses a search tree that is none: one where several nodes lead to the same, or one to the first. A walk would come
// by there again and again, up to 2^128 times. Only where the IPv4 addresses begin may several lead: MaxMind has ::ffff:0:0/96,
// 2002::/16 and others lead there, and a walk passes those by.
func checkTree(f io.ReaderAt, m maxminddb.Metadata) error {
	ipv4, err := ipv4Root(f, m)
	if err != nil {
		return err
	}
	led := make([]bool, m.NodeCount) // whether one leads there
	width := int64(m.RecordSize / 4)
	in := bufio.NewReaderSize(io.NewSectionReader(f, 0, int64(m.NodeCount)*width), 64<<10)
	var node [8]byte
	for i := range m.NodeCount {
		if _, err := io.ReadFull(in, node[:width]); err != nil {
			return fmt.Errorf("node %d of its tree: %w", i, err)
		}
		for _, to := range halves(node, m.RecordSize) {
			if to >= m.NodeCount || to == ipv4 && to != 0 {
				continue
			}
			if led[to] || to == 0 {
				return fmt.Errorf("node %d of its tree leads to node %d, where another does, or back", i, to)
			}
			led[to] = true
		}
	}
	return nil
}

// ipv4Root returns the node where IPv4 addresses begin, behind 96 zeros; 0 where there is none.
func ipv4Root(f io.ReaderAt, m maxminddb.Metadata) (at uint, err error) {
	if m.IPVersion != 6 {
		return 0, nil
	}
	width := int64(m.RecordSize / 4)
	for range 96 {
		if at >= m.NodeCount {
			return 0, nil
		}
		var node [8]byte
		if _, err := f.ReadAt(node[:width], int64(at)*width); err != nil {
			return 0, fmt.Errorf("node %d of its tree: %w", at, err)
		}
		at = halves(node, m.RecordSize)[0]
	}
	return at, nil
}

// halves are where a node leads for the next bit 0 and 1 (MaxMind DB file format 2.0, node layout).
func halves(node [8]byte, recordSize uint) [2]uint {
	three := func(b []byte) uint { return uint(b[0])<<16 | uint(b[1])<<8 | uint(b[2]) }
	switch recordSize {
	case 24:
		return [2]uint{three(node[0:]), three(node[3:])}
	case 28:
		return [2]uint{uint(node[3]>>4)<<24 | three(node[0:]), uint(node[3]&15)<<24 | three(node[4:])}
	}
	return [2]uint{uint(binary.BigEndian.Uint32(node[0:])), uint(binary.BigEndian.Uint32(node[4:]))}
}
