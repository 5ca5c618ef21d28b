package dataplane

import (
	"encoding/binary"

	"quicedge/bpf"
)

const (
	quicV1      = 0x00000001
	quicV2      = 0x6b3343cf
	quicForeign = 0x0a0a0a0a // reserved for forcing negotiation (RFC 9000, section 15)
)

// longHeader is a QUIC packet with a long header, filled up to size bytes; types are those of version 1.
func longHeader(first byte, version uint32, dcid []byte, size int) []byte {
	b := append([]byte{first}, binary.BigEndian.AppendUint32(nil, version)...)
	b = append(append(b, byte(len(dcid))), dcid...)
	b = append(b, 0)
	return padded(b, size)
}

// shortHeader is a QUIC packet with a short header.
func shortHeader(dcid []byte, size int) []byte { return padded(append([]byte{0x41}, dcid...), size) }

func padded(b []byte, size int) []byte {
	if len(b) >= size {
		return b[:size]
	}
	return append(b, make([]byte, size-len(b))...)
}

// screening is what a Go reading of RFC 8999 and RFC 9000 says of a datagram to a port where state is in force. It is
// written apart from the program, to be compared with it.
func screening(c CIDs, state SteeringState, port uint16, b []byte) bpf.DataplaneReason {
	if len(b) < 21 {
		return bpf.DataplaneReasonREASON_SCREENED_SHORT
	}
	fixed := b[0]>>6&1 == 1 || state.Grease
	if b[0]>>7 == 0 {
		_, _, ours := c.Parse(b[1 : 1+CIDLen])
		switch {
		case !fixed:
			return bpf.DataplaneReasonREASON_SCREENED_FIXED_BIT
		case state.Tagged && state.Port == port && !ours:
			return bpf.DataplaneReasonREASON_SCREENED_CID
		}
		return bpf.DataplaneReasonREASON_PASS
	}
	version, kind := binary.BigEndian.Uint32(b[1:]), b[0]>>4&3
	switch {
	case version == 0, version != quicV1 && version != quicV2 && len(b) < 1200:
		return bpf.DataplaneReasonREASON_SCREENED_VERSION
	case version != quicV1 && version != quicV2:
		return bpf.DataplaneReasonREASON_PASS
	case !fixed:
		return bpf.DataplaneReasonREASON_SCREENED_FIXED_BIT
	case len(b) < 1200 && (version == quicV1 && kind == 0 || version == quicV2 && kind == 1):
		return bpf.DataplaneReasonREASON_SCREENED_INITIAL
	}
	return bpf.DataplaneReasonREASON_PASS
}
