package dataplane

import (
	"crypto/rand"
	"encoding/binary"
)

// CIDLen is the length in bytes of the connection IDs that CIDs makes; its twin is CID_LEN in bpf/cid.h.
const CIDLen = 12

// Generations is how many processes of a server may hold connections at the same time, and GenerationSockets how many
// sockets each may have. Their twins are in bpf/cid.h.
const (
	Generations       = 4
	GenerationSockets = 256
)

// CIDs makes and reads the connection IDs by which the kernel finds the socket of a connection. bpf/cid.h draws their
// layout; docs/sockets.md gives it byte by byte. It may be used by several goroutines.
type CIDs struct{ key [2]uint64 }

// NewCIDs takes the key as it is in the map `steering`, 16 bytes.
func NewCIDs(key [16]byte) CIDs {
	return CIDs{[2]uint64{binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])}}
}

// New returns a fresh connection ID of CIDLen bytes that names a socket of a generation, which is taken modulo Generations.
func (c CIDs) New(generation, socket uint8) []byte {
	var random [8]byte
	rand.Read(random[2:]) // never fails
	return c.make(generation, socket, binary.LittleEndian.Uint64(random[:])>>16)
}

// make is New with a nonce of 48 bits.
func (c CIDs) make(generation, socket uint8, nonce uint64) []byte {
	place := uint16(generation)<<14 | uint16(socket)
	tag := c.tag(place, nonce)
	cid := make([]byte, 0, CIDLen)
	cid = binary.LittleEndian.AppendUint64(cid, nonce<<16|uint64(place^c.mask(nonce, tag)))
	return binary.LittleEndian.AppendUint32(cid, tag)
}

// Parse returns the socket that a connection ID names, and of which generation. ok is false for what was not made with the
// same key, but for one in 2^32.
func (c CIDs) Parse(cid []byte) (generation, socket uint8, ok bool) {
	if len(cid) != CIDLen {
		return 0, 0, false
	}
	head, tag := binary.LittleEndian.Uint64(cid), binary.LittleEndian.Uint32(cid[8:])
	nonce := head >> 16
	place := uint16(head) ^ c.mask(nonce, tag)
	if place&0x3f00 != 0 || c.tag(place, nonce) != tag {
		return 0, 0, false
	}
	return uint8(place >> 14), uint8(place), true
}

func (c CIDs) tag(place uint16, nonce uint64) uint32 {
	return uint32(siphash(c.key, uint64(place)|nonce<<16, 0, 8))
}

func (c CIDs) mask(nonce uint64, tag uint32) uint16 {
	return uint16(siphash(c.key, nonce|uint64(tag)<<48, uint64(tag>>16), 10))
}
