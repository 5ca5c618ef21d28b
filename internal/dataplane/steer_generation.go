package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Generation is the sockets of one process of a server. They gather by Join, and take every new connection from Commit on;
// connections of older generations stay with the sockets that have them, for as long as those are open.
//
// Where a process dies on the way, its sockets leave with it, and what was in force before goes on.
type Generation struct {
	s       *Steering
	number  uint8
	sockets int
	addr    netip.AddrPort // of all of them
	joined  map[int]bool
}

// NextGeneration begins a generation of so many sockets, under a number that no open socket has. ErrInUse where another
// process is at it, or where all generations still have sockets.
func (s *Steering) NextGeneration(sockets int) (*Generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if sockets < 1 || sockets > GenerationSockets {
		return nil, fmt.Errorf("begin a generation of %d sockets: give 1 to %d", sockets, GenerationSockets)
	}
	if s.pending != nil {
		return nil, fmt.Errorf("begin a generation: %w: commit the one that gathers, or let it leave", ErrInUse)
	}
	switch err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, fmt.Errorf("begin a generation in %s: %w: another server is joining: a pin folder steers one server", s.dir, ErrInUse)
	case err != nil:
		return nil, fmt.Errorf("begin a generation in %s: %w", s.dir, err)
	}
	number, err := s.freeGeneration()
	if err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	s.pending = &Generation{s: s, number: number, sockets: sockets, joined: make(map[int]bool)}
	return s.pending, nil
}

func (s *Steering) unlock() error { return unix.Flock(int(s.lock.Fd()), unix.LOCK_UN) }

// freeGeneration is the next after the one in force that has no sockets.
func (s *Steering) freeGeneration() (uint8, error) {
	current := s.load().Generation
	for i := range uint8(Generations - 1) {
		number := (current + 1 + i) % Generations
		empty, err := s.empty(number)
		if err != nil {
			return 0, err
		}
		if empty {
			return number, nil
		}
	}
	return 0, fmt.Errorf("begin a generation in %s: %w: %d others still have sockets: wait for the servers that drain, or end them", s.dir, ErrInUse, Generations-1)
}

func (s *Steering) empty(generation uint8) (bool, error) {
	for i := range GenerationSockets {
		switch _, err := s.cookie(place(generation, i)); {
		case err == nil:
			return false, nil
		case !errors.Is(err, ebpf.ErrKeyNotExist):
			return false, explain("look for sockets", err)
		}
	}
	return true, nil
}

// cookie identifies the socket at a place.
func (s *Steering) cookie(place uint32) (cookie uint64, err error) {
	return cookie, s.sockets.Lookup(place, &cookie)
}

// place is where a socket is in the map `sockets`.
func place(generation uint8, socket int) uint32 {
	return uint32(generation)*GenerationSockets + uint32(socket)
}

// Number is what the generation's connection IDs say.
func (g *Generation) Number() uint8 { return g.number }

// Join makes a UDP socket one of the generation, and gives it and those that share its port the steering program. socket is
// its number, from 0 on. It must be bound, with SO_REUSEPORT set before, and all must be bound to the same address and port.
func (g *Generation) Join(conn syscall.Conn, socket int) error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	if g.s.pending != g {
		return fmt.Errorf("join socket %d: the generation has been committed or has left: begin another", socket)
	}
	if socket < 0 || socket >= g.sockets {
		return fmt.Errorf("join socket %d: the generation has sockets 0 to %d", socket, g.sockets-1)
	}
	return control(conn, func(fd int) error { return g.join(fd, socket) })
}

func (g *Generation) join(fd, socket int) error {
	addr, err := checkSocket(fd)
	if err != nil {
		return fmt.Errorf("join socket %d: %w", socket, err)
	}
	if len(g.joined) > 0 && addr != g.addr {
		return fmt.Errorf("join socket %d: it is bound to %s, the others to %s: sockets of a generation share their address and port", socket, addr, g.addr)
	}
	if err := attachSteer(fd, g.s.steer); err != nil {
		return fmt.Errorf("join socket %d: %w", socket, err)
	}
	switch err := g.s.sockets.Update(place(g.number, socket), uint64(fd), ebpf.UpdateNoExist); {
	case errors.Is(err, ebpf.ErrKeyExist):
		return fmt.Errorf("join socket %d: that number is taken: give each socket its own", socket)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("join socket %d: it has joined already, here or elsewhere: a socket joins once", socket)
	case err != nil:
		return explain(fmt.Sprintf("join socket %d", socket), err)
	}
	g.addr, g.joined[socket] = addr, true
	return nil
}

// Commit makes the generation the one that takes new connections, in one step. All its sockets must have joined, and be open.
func (g *Generation) Commit() error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	if g.s.pending != g {
		return fmt.Errorf("commit a generation: it has been committed or has left: begin another")
	}
	for i := range g.sockets {
		if _, err := g.s.cookie(place(g.number, i)); errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("commit a generation of %d sockets: socket %d has not joined, or is closed: the generation before stays in force", g.sockets, i)
		} else if err != nil {
			return explain("commit a generation", err)
		}
	}
	g.s.change(func(state *SteeringState) {
		state.Tagged = state.Tagged && state.Port == g.addr.Port()
		state.Generation, state.Sockets, state.Port = g.number, uint16(g.sockets), g.addr.Port()
	})
	g.s.pending = nil
	return g.s.unlock()
}

// Leave takes the sockets out, so that no connection ID finds them any more. Before Commit it gives the generation up.
// Sockets that are closed have left by themselves.
func (g *Generation) Leave() error {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	if g.s.closed {
		return errClosed
	}
	if g.s.pending == g {
		return g.s.giveUp()
	}
	return g.leave()
}

func (g *Generation) leave() (err error) {
	for socket := range g.joined {
		if gone := g.s.sockets.Delete(place(g.number, socket)); gone != nil && !errors.Is(gone, ebpf.ErrKeyNotExist) {
			err = errors.Join(err, explain(fmt.Sprintf("let socket %d leave", socket), gone))
		}
	}
	clear(g.joined)
	return err
}

// giveUp ends the generation that gathers, if one does.
func (s *Steering) giveUp() error {
	if s.pending == nil {
		return nil
	}
	err := s.pending.leave()
	s.pending = nil
	return errors.Join(err, s.unlock())
}
