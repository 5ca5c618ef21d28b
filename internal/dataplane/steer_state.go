package dataplane

import (
	"sync/atomic"
	"unsafe"

	"quicedge/bpf"
)

const steeringSize = int(unsafe.Sizeof(bpf.DataplaneSteering{}))

// SteeringState is what the socket programs go by.
type SteeringState struct {
	Generation uint8  // that takes new connections
	Sockets    uint16 // how many that generation has; 0: no server has joined
	Port       uint16 // theirs
	Tagged     bool   // the server of Port made all its connection IDs by CIDs: the filter drops short headers with others
	Grease     bool   // servers let clients clear the fixed bit (RFC 9287): the filter does not look at it
}

// State returns what is in force.
func (s *Steering) State() (SteeringState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return SteeringState{}, errClosed
	}
	return s.load(), nil
}

func (s *Steering) load() SteeringState { return decodeSteering(atomic.LoadUint64(s.now())) }

// change changes the state in one step, whoever else changes it.
func (s *Steering) change(f func(*SteeringState)) {
	for {
		old := atomic.LoadUint64(s.now())
		state := decodeSteering(old)
		f(&state)
		if atomic.CompareAndSwapUint64(s.now(), old, encodeSteering(state)) {
			return
		}
	}
}

// SetScreening says what the filter may take for granted of the servers. While connections live on whose IDs a server made
// otherwise, tagged must stay false. A Stateless Reset (RFC 9000, section 10.3) is never sent for what the filter drops: with
// tagged, a client whose server lost its state waits for its own idle timeout.
func (s *Steering) SetScreening(tagged, grease bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.change(func(state *SteeringState) { state.Tagged, state.Grease = tagged, grease })
	return nil
}

// encodeSteering lays a state out as struct steering_now, little-endian.
func encodeSteering(s SteeringState) uint64 {
	var flags uint64
	if s.Tagged {
		flags |= uint64(bpf.DataplaneSteeringFlagSTEERING_TAGGED)
	}
	if s.Grease {
		flags |= uint64(bpf.DataplaneSteeringFlagSTEERING_GREASE)
	}
	return uint64(s.Generation) | flags<<8 | uint64(s.Sockets)<<16 | uint64(s.Port)<<32
}

func decodeSteering(w uint64) SteeringState {
	flags := bpf.DataplaneSteeringFlag(w >> 8 & 0xff)
	return SteeringState{
		Generation: uint8(w),
		Sockets:    uint16(w >> 16),
		Port:       uint16(w >> 32),
		Tagged:     flags&bpf.DataplaneSteeringFlagSTEERING_TAGGED != 0,
		Grease:     flags&bpf.DataplaneSteeringFlagSTEERING_GREASE != 0,
	}
}

// now is the part of struct steering that is read and written as one: struct steering_now.
func (s *Steering) now() *uint64 {
	return (*uint64)(unsafe.Pointer(&s.mem[unsafe.Offsetof(bpf.DataplaneSteering{}.Now)]))
}
