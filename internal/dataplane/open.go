package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

var errClosed = fmt.Errorf("use the data plane: %w", os.ErrClosed)

// Plane is an open, loaded data plane. It may be used by several goroutines. Closing it leaves the programs running.
type Plane struct {
	dir  string
	cfg  Config // that it was loaded with; zero where it was opened
	spec *ebpf.CollectionSpec
	step func(string) // a test's view of how far a change has come
	network

	mu       sync.RWMutex // guards what follows against Close
	closed   bool
	maps     bpf.DataplaneMaps
	lookup   *ebpf.Program
	profiles profileArray
	hold     dirLock // zero: it does not hold the data plane
}

// Open opens what Load has pinned. ErrNotLoaded where there is nothing, or only what a killed Load has left; ErrIncompatible
// where another version of the program has pinned maps of another layout.
func Open(pinDir string) (*Plane, error) {
	if pinDir == "" {
		pinDir = DefaultPinDir
	}
	if _, err := os.Stat(pinDir); errors.Is(err, fs.ErrNotExist) {
		return nil, notLoaded(pinDir)
	} else if err != nil {
		return nil, explain("open "+pinDir, err)
	}
	if err := checkOwned(pinDir); err != nil {
		return nil, err
	}
	spec, err := bpf.LoadDataplane()
	if err != nil {
		return nil, err
	}
	maps, err := openMaps(pinDir, spec)
	if err != nil {
		return nil, err
	}
	lookup, err := ebpf.LoadPinnedProgram(progPin(pinDir, bpf.DataplaneProgQeLookup), nil)
	if err != nil {
		return nil, errors.Join(explain("open program "+bpf.DataplaneProgQeLookup, err), closeMaps(&maps))
	}
	p, err := newPlane(pinDir, spec, maps, lookup)
	if err != nil {
		return nil, err
	}
	if p.network, err = openNetwork(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	// A load sets the ports last of all.
	if ports, err := p.Ports(); err != nil || len(ports) == 0 {
		return nil, errors.Join(err, notLoaded(pinDir), p.Close())
	}
	return p, nil
}

// newPlane takes over maps and lookup.
func newPlane(dir string, spec *ebpf.CollectionSpec, maps bpf.DataplaneMaps, lookup *ebpf.Program) (*Plane, error) {
	profiles, err := mapProfiles(maps.Profiles)
	if err != nil {
		return nil, errors.Join(err, closeMaps(&maps), lookup.Close())
	}
	return &Plane{dir: dir, spec: spec, step: func(string) {}, maps: maps, lookup: lookup, profiles: profiles}, nil
}

// Interfaces returns what is attached, by device and hook.
func (p *Plane) Interfaces() ([]Attachment, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return nil, errClosed
	}
	return p.interfaces()
}

func (p *Plane) interfaces() (attachments []Attachment, err error) {
	all, err := p.openAttached(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notLoaded(p.dir)
	}
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		for _, l := range a.links {
			attachments = append(attachments, l.Attachment)
		}
	}
	return attachments, closeAttached(all)
}

// Close closes the file descriptors, and lets go of a data plane that was held. What is pinned stays, and so do the programs.
// A second Close does nothing.
func (p *Plane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	defer p.hold.release()
	defer p.network.close()
	return errors.Join(p.profiles.close(), p.lookup.Close(), closeMaps(&p.maps))
}
