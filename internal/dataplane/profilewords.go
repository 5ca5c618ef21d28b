package dataplane

import (
	"sync/atomic"
	"time"
	"unsafe"

	"quicedge/bpf"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// profileWords is struct path_profile, little-endian, as the words that are read and written as one: the sizes of packets, ACKs,
// times of silence, and what was measured.
type profileWords [unsafe.Sizeof(bpf.DataplanePathProfile{}) / 8]uint64

// become writes the words that differ, and reports whether any did. The programs read the first, so it comes last: a server that
// sees a new size sees the rest of that profile too.
func (w *profileWords) become(want profileWords) (changed bool) {
	for i := len(w) - 1; i >= 0; i-- {
		if atomic.LoadUint64(&w[i]) != want[i] {
			atomic.StoreUint64(&w[i], want[i])
			changed = true
		}
	}
	return changed
}

func encodeProfile(p *path.Profile) profileWords {
	var flags uint64
	if p.Search {
		flags |= uint64(bpf.DataplaneProfileFlagPROFILE_SEARCH)
	}
	if p.Probing {
		flags |= uint64(bpf.DataplaneProfileFlagPROFILE_PROBING)
	}
	return profileWords{
		uint64(p.MTU) | uint64(p.Budget)<<16 | uint64(p.Initial)<<32 | flags<<48 | uint64(p.Source)<<56,
		units(time.Microsecond, p.ACK.MaxDelay) | uint64(p.ACK.Threshold)<<32 | uint64(p.ACK.Exponent)<<48,
		units(time.Millisecond, p.KeepAlive) | units(time.Millisecond, p.IdleTimeout)<<32,
		units(time.Microsecond, p.RTT) | uint64(p.Loss.Delivered())<<32 | uint64(p.Proven)<<48,
	}
}

// units counts units in a time that validateTimes has passed.
func units(unit, d time.Duration) uint64 { return uint64(uint32(d / unit)) }

func decodeProfile(w profileWords) path.Profile {
	flags := w[0] >> 48
	return path.Profile{
		MTU:     uint16(w[0]),
		Budget:  uint16(w[0] >> 16),
		Initial: uint16(w[0] >> 32),
		Search:  flags&uint64(bpf.DataplaneProfileFlagPROFILE_SEARCH) != 0,
		Probing: flags&uint64(bpf.DataplaneProfileFlagPROFILE_PROBING) != 0,
		Source:  mtu.Source(w[0] >> 56),
		ACK: path.ACK{
			MaxDelay:  time.Duration(uint32(w[1])) * time.Microsecond,
			Threshold: uint16(w[1] >> 32),
			Exponent:  uint8(w[1] >> 48),
		},
		KeepAlive:   time.Duration(uint32(w[2])) * time.Millisecond,
		IdleTimeout: time.Duration(w[2]>>32) * time.Millisecond,
		RTT:         time.Duration(uint32(w[3])) * time.Microsecond,
		Loss:        path.LossOfDelivered(uint16(w[3] >> 32)),
		Proven:      uint16(w[3] >> 48),
	}
}
