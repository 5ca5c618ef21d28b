package control

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// Kernel is the data plane, as far as the loop drives it.
type Kernel interface {
	// Apply makes the kernel's maps say what the Snapshot says, or changes nothing. It returns how many entries it changed.
	Apply(*path.Snapshot) (int, error)
}

// Loop owns the Snapshot that is in force.
type Loop struct {
	files   Files
	mu      sync.Mutex // one reload at a time
	kernel  Kernel     // nil where no data plane is loaded
	current atomic.Pointer[path.Snapshot]
}

// New reads the sources, makes the first Snapshot, and keeps the table for commands that run without the node.
func New(files Files) (*Loop, error) {
	l := &Loop{files: files}
	snap, table, err := l.compile()
	if err != nil {
		return nil, err
	}
	if _, err := files.State.SaveTable(table); err != nil {
		return nil, err
	}
	l.current.Store(snap)
	return l, nil
}

// Drive makes reloads reach a kernel that was loaded with the current Snapshot.
func (l *Loop) Drive(k Kernel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kernel = k
}

// Snapshot returns the Snapshot in force.
func (l *Loop) Snapshot() *path.Snapshot { return l.current.Load() }

// Profile returns the path profile of an address. It takes no lock.
func (l *Loop) Profile(addr netip.Addr) path.Profile { return l.Lookup(addr).Profile }

// Lookup classes an address. It takes no lock.
func (l *Loop) Lookup(addr netip.Addr) path.Match { return l.Snapshot().Lookup(addr) }

// Reload reads the sources again and puts them in force, the kernel first. After an error all is as it was.
func (l *Loop) Reload() (changed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	snap, table, err := l.compile()
	if err != nil {
		return 0, err
	}
	undo, err := l.files.State.SaveTable(table)
	if err != nil {
		return 0, err
	}
	if l.kernel != nil {
		if changed, err = l.kernel.Apply(snap); err != nil {
			return 0, errors.Join(fmt.Errorf("reconcile data plane: %w", err), undo())
		}
	}
	l.current.Store(snap)
	return changed, nil
}

func (l *Loop) compile() (*path.Snapshot, *mtu.Table, error) {
	in, err := l.files.Read()
	if err != nil {
		return nil, nil, err
	}
	snap, err := in.Snapshot()
	return snap, in.Layers.CSV, err
}
