package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// takeHold takes the lock by which a running node keeps its data plane for itself, ErrInUse where another has it. It is on
// the folder of the maps, the same one from before it is moved into place until it is unloaded. Only who has the lock of
// the pin folder may ask, so that nobody takes a mere question for a node. A folder without maps has nothing to hold.
func takeHold(dir string) (dirLock, error) {
	f, err := os.Open(filepath.Join(dir, mapsDir)) // close-on-exec: no child keeps it
	if errors.Is(err, fs.ErrNotExist) {
		return dirLock{}, nil
	}
	if err != nil {
		return dirLock{}, explain("hold "+dir, err)
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return dirLock{}, errors.Join(fmt.Errorf("change %s: %w: stop it, or give each its own folder with --pin-dir", dir, ErrInUse), f.Close())
	case err != nil:
		return dirLock{}, errors.Join(fmt.Errorf("hold %s: %w", dir, err), f.Close())
	}
	return dirLock{f}, nil
}

// takeHold is the function of that name, or takes the hold over from the process before.
func (l *loader) takeHold() (dirLock, error) {
	if l.Held != nil {
		return dirLock{l.Held}, nil
	}
	return takeHold(l.PinDir)
}

// Hold is what a plane that was loaded with Hold keeps others out by, for the process that is to take over (Config.Held); nil where it
// does not hold.
func (p *Plane) Hold() *os.File {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.hold.f
}

// HandOver leaves the hold to another process that has it too: Close would let go of it for both. Where that ends, the data plane is free.
func (p *Plane) HandOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold.forget()
	p.hold = dirLock{}
}
