package dataplane

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// Steering is what the process of a QUIC server needs of a loaded data plane: the programs for its sockets, and the map by
// which a connection's datagrams find their socket. docs/sockets.md says how they work together.
//
// Opening it takes access to the pin folder, which is root's; what comes after takes no privilege. It may be used by several
// goroutines. Its file descriptors are of one load: who unloads and loads anew takes nothing from it, and gives it nothing.
type Steering struct {
	dir           string
	filter, steer *ebpf.Program
	sockets       *ebpf.Map
	mem           []byte // struct steering, shared with the programs
	cids          CIDs

	mu      sync.Mutex
	lock    *os.File    // flock'ed while a generation gathers
	pending *Generation // that gathers; nil where none does
	closed  bool
}

// OpenSteering opens what Load has pinned. ErrNotLoaded where there is nothing, ErrIncompatible where another version has
// pinned something else, ErrNotPermitted where the folder lets the process not in.
func OpenSteering(pinDir string) (_ *Steering, err error) {
	if pinDir == "" {
		pinDir = DefaultPinDir
	}
	if err := checkPins(pinDir); err != nil {
		return nil, err
	}
	spec, err := bpf.LoadDataplane()
	if err != nil {
		return nil, err
	}
	s := &Steering{dir: pinDir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.filter, err = openProgram(pinDir, bpf.DataplaneProgQeFilter, ebpf.SocketFilter); err != nil {
		return nil, err
	}
	if s.steer, err = openProgram(pinDir, bpf.DataplaneProgQeSteer, ebpf.SkReuseport); err != nil {
		return nil, err
	}
	if s.sockets, err = openMap(mapPin(pinDir, bpf.DataplaneMapSockets), spec.Maps[bpf.DataplaneMapSockets]); err != nil {
		return nil, err
	}
	if s.mem, err = mapSteering(pinDir, spec); err != nil {
		return nil, err
	}
	s.cids = NewCIDs([16]byte(s.mem))
	s.lock, err = os.Open(filepath.Join(pinDir, progsDir))
	return s, explain("open the folder of programs", err)
}

// checkPins refuses a folder that cannot be one of pins.
func checkPins(pinDir string) error {
	if _, err := os.Stat(pinDir); errors.Is(err, fs.ErrNotExist) {
		return notLoaded(pinDir)
	} else if err != nil {
		return explain("open "+pinDir, err)
	}
	if on, err := onBPFFS(pinDir); err != nil {
		return err
	} else if !on {
		return fmt.Errorf("open %s: %w there: it is not on a BPF file system: give the folder that quicedge load made", pinDir, ErrNotLoaded)
	}
	return checkOwned(pinDir)
}

func openProgram(dir, name string, kind ebpf.ProgramType) (*ebpf.Program, error) {
	pin := progPin(dir, name)
	p, err := ebpf.LoadPinnedProgram(pin, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w: run quicedge unload, then quicedge load", pin, ErrIncompatible)
	}
	if err != nil {
		return nil, explain("open "+pin, err)
	}
	if p.Type() != kind {
		return nil, errors.Join(fmt.Errorf("open %s: %w: it is a program of type %s, not %s", pin, ErrIncompatible, p.Type(), kind), p.Close())
	}
	return p, nil
}

// mapSteering maps the pinned struct steering into memory.
func mapSteering(dir string, spec *ebpf.CollectionSpec) ([]byte, error) {
	m, err := openMap(mapPin(dir, bpf.DataplaneMapSteering), spec.Maps[bpf.DataplaneMapSteering])
	if err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(m.FD(), 0, steeringSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return mem, errors.Join(explain("map the steering into memory", err), m.Close())
}

// seedSteering gives a fresh map its key.
func seedSteering(m *ebpf.Map) error {
	var key [16]byte
	rand.Read(key[:]) // never fails
	return explain("set the key of connection ids", m.Update(uint32(0), &bpf.DataplaneSteering{Key: NewCIDs(key).key}, ebpf.UpdateAny))
}

// CIDs returns what makes the connection IDs that the programs understand.
func (s *Steering) CIDs() CIDs { return s.cids }

// Close closes the file descriptors. The programs stay on the sockets that have them, sockets that joined stay joined, and
// a generation that was not committed is given up.
func (s *Steering) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := errors.Join(s.giveUp(), s.filter.Close(), s.steer.Close(), s.sockets.Close())
	if s.mem != nil {
		err = errors.Join(err, unix.Munmap(s.mem))
	}
	dirLock{s.lock}.release()
	return err
}
