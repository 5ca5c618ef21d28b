package dataplane

import "encoding/binary"

// Types of long headers, as version 1 numbers them.
const (
	initial = iota
	zeroRTT
	handshaking
	retry
)

const (
	quic1 = 0x00000001
	quic2 = 0x6b3343cf
)

// long is a QUIC packet with a long header, filled with zeros up to size bytes; shorter connection IDs and sizes than QUIC
// allows are possible.
func long(kind byte, version uint32, dcid, scid []byte, size int) []byte {
	if version == quic2 {
		kind = (kind + 1) & 3
	}
	b := binary.BigEndian.AppendUint32([]byte{0xc0 | kind<<4}, version)
	b = append(append(b, byte(len(dcid))), dcid...)
	b = append(append(b, byte(len(scid))), scid...)
	if len(b) < size {
		b = append(b, make([]byte, size-len(b))...)
	}
	return b[:size]
}

// short is a QUIC packet with a short header.
func short(size int) []byte {
	b := make([]byte, size)
	b[0] = 0x40
	return b
}

// Connection IDs of the tests.
var (
	cidA = []byte{1, 2, 3, 4, 5, 6, 7, 8}
	cidB = []byte{8, 7, 6, 5, 4, 3, 2, 1}
	cidC = []byte{9, 9, 9, 9}
	cidD = []byte{7, 7, 7, 7, 7, 7, 7, 7}
)
