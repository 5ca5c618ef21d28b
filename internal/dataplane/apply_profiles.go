package dataplane

import (
	"context"
	"errors"
	"io/fs"

	"quicedge/internal/path"
)

// ApplyProfiles is Apply for a snapshot without prefixes: the prefix tables stay as they are.
func (p *Plane) ApplyProfiles(snap *path.Snapshot) (changed int, err error) {
	return p.exclusive(func() (int, error) {
		if err := validate(snap); err != nil {
			return 0, err
		}
		return p.profiles.store(&snap.Profiles), nil
	})
}

// exclusive calls change while no other process changes the data plane that p is open on.
func (p *Plane) exclusive(change func() (int, error)) (int, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return 0, errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), applyWait)
	defer cancel()
	lock, err := lockDir(ctx, p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, notLoaded(p.dir)
	}
	if err != nil {
		return 0, err
	}
	defer lock.release()
	if err := p.stillPinned(); err != nil {
		return 0, err
	}
	return change()
}
