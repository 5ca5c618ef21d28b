// Package mmdbtest writes MaxMind DB files for tests, after the MaxMind DB file format specification 2.0.
package mmdbtest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
)

// Writer collects networks and writes them as one file.
type Writer struct {
	Type       string // database_type of the metadata
	IPVersion  int    // 4 or 6; 0 is 6
	RecordSize int    // 24, 28 or 32 bits; 0 is 28
	Alias      bool   // point ::ffff:0:0/96 and 2002::/16 at the IPv4 networks, as MaxMind does

	nodes [][2]ref
	data  []byte
	known map[string]int // data by its bytes, so that networks share records
}

// ref is where half a node leads.
type ref struct {
	kind kind
	to   int // a node, or a place in the data
}

type kind int

const (
	empty kind = iota
	node
	data
)

// Insert gives a network a record: maps of string to any, lists, strings, numbers and booleans. A network within one that
// was inserted before takes its place there.
func (w *Writer) Insert(network string, record any) *Writer {
	w.put(w.path(netip.MustParsePrefix(network)), ref{data, w.place(record)})
	return w
}

func (w *Writer) path(p netip.Prefix) []byte {
	addr, n := p.Addr(), p.Bits()
	if addr.Is4() && w.IPVersion != 4 {
		b := addr.As4()
		addr, n = netip.AddrFrom16([16]byte{12: b[0], 13: b[1], 14: b[2], 15: b[3]}), n+96
	}
	var path []byte
	for i, b := range addr.AsSlice() {
		for bit := range 8 {
			if i*8+bit < n {
				path = append(path, b>>(7-bit)&1)
			}
		}
	}
	return path
}

func (w *Writer) put(path []byte, leaf ref) {
	if len(w.nodes) == 0 {
		w.nodes = make([][2]ref, 1)
	}
	if len(path) == 0 {
		w.nodes[0] = [2]ref{leaf, leaf}
		return
	}
	at := 0
	for _, bit := range path[:len(path)-1] {
		next := w.nodes[at][bit]
		if next.kind != node {
			w.nodes = append(w.nodes, [2]ref{next, next})
			next = ref{node, len(w.nodes) - 1}
			w.nodes[at][bit] = next
		}
		at = next.to
	}
	w.nodes[at][path[len(path)-1]] = leaf
}

func (w *Writer) place(record any) int {
	encoded := encode(nil, record)
	if at, ok := w.known[string(encoded)]; ok {
		return at
	}
	if w.known == nil {
		w.known = map[string]int{}
	}
	at := len(w.data)
	w.known[string(encoded)] = at
	w.data = append(w.data, encoded...)
	return at
}

// Bytes returns the file.
func (w *Writer) Bytes() []byte {
	size := w.RecordSize
	if size == 0 {
		size = 28
	}
	version := w.IPVersion
	if version == 0 {
		version = 6
	}
	if len(w.nodes) == 0 {
		w.nodes = make([][2]ref, 1)
	}
	if w.Alias {
		ipv4 := w.walk(w.path(netip.MustParsePrefix("0.0.0.0/0")))
		for _, alias := range []string{"::ffff:0:0/96", "2002::/16"} {
			w.put(w.path(netip.MustParsePrefix(alias)), ipv4)
		}
	}
	var file []byte
	for _, n := range w.nodes {
		file = appendNode(file, size, w.value(n[0]), w.value(n[1]))
	}
	file = append(append(file, make([]byte, 16)...), w.data...)
	return encode(append(file, "\xab\xcd\xefMaxMind.com"...), map[string]any{
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0), "build_epoch": uint64(1_700_000_000),
		"database_type": w.Type, "description": map[string]any{"en": "for tests"}, "ip_version": uint16(version),
		"languages": []any{"en", "zh-CN"}, "node_count": uint32(len(w.nodes)), "record_size": uint16(size),
	})
}

func (w *Writer) walk(path []byte) ref {
	at := ref{node, 0}
	for _, bit := range path {
		if at.kind == node {
			at = w.nodes[at.to][bit]
		}
	}
	return at
}

func (w *Writer) value(r ref) uint32 {
	switch r.kind {
	case node:
		return uint32(r.to)
	case data:
		return uint32(len(w.nodes) + 16 + r.to)
	}
	return uint32(len(w.nodes))
}

func appendNode(to []byte, size int, left, right uint32) []byte {
	three := func(v uint32) []byte { return []byte{byte(v >> 16), byte(v >> 8), byte(v)} }
	switch size {
	case 24:
		return append(append(to, three(left)...), three(right)...)
	case 28:
		return append(append(append(to, three(left)...), byte(left>>24<<4|right>>24&15)), three(right)...)
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(to, left), right)
}

// encode appends a value of the data section.
func encode(to []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(control(to, 2, len(v)), v...)
	case float64:
		return binary.BigEndian.AppendUint64(control(to, 3, 8), math.Float64bits(v))
	case uint16:
		return binary.BigEndian.AppendUint16(control(to, 5, 2), v)
	case uint32:
		return binary.BigEndian.AppendUint32(control(to, 6, 4), v)
	case int:
		return binary.BigEndian.AppendUint32(control(to, 6, 4), uint32(v))
	case uint64:
		return binary.BigEndian.AppendUint64(control(to, 9, 8), v)
	case bool:
		if v {
			return control(to, 14, 1)
		}
		return control(to, 14, 0)
	case map[string]any:
		to = control(to, 7, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			to = encode(encode(to, key), v[key])
		}
		return to
	case []any:
		to = control(to, 11, len(v))
		for _, element := range v {
			to = encode(to, element)
		}
		return to
	}
	panic(fmt.Sprintf("mmdbtest: a record holds a %T", v))
}

// control appends the byte or bytes in front of a value: its type and its size.
func control(to []byte, kind, size int) []byte {
	first, more := min(size, 29), []byte{}
	switch {
	case size >= 285:
		first, more = 30, binary.BigEndian.AppendUint16(nil, uint16(size-285))
	case size >= 29:
		more = []byte{byte(size - 29)}
	}
	if kind > 7 {
		return append(append(to, byte(first), byte(kind-7)), more...)
	}
	return append(append(to, byte(kind<<5|first)), more...)
}
