package ticketkey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Ring is a key file in use. Make it with Open.
type Ring struct {
	path string
	own  bool // the node's, which it rotates
	now  func() time.Time
	set  atomic.Pointer[Set]

	reload sync.Mutex
	loaded stamp
}

// stamp tells one version of a file from another.
type stamp struct {
	inode   uint64
	size    int64
	changed time.Time
}

// Open reads a key file that an operator gave to several nodes. The node never writes it.
func Open(path string) (*Ring, error) {
	r := &Ring{path: path, now: time.Now}
	return r, r.Reload()
}

// OpenOwn reads a node's own key file, makes it where there is none, and rotates its secrets while Watch runs. One that does not
// read as a key file is an error, as it may be another's.
func OpenOwn(path string) (*Ring, error) {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		if err := Create(path, time.Now()); err != nil && !errors.Is(err, ErrExists) {
			return nil, err
		}
	}
	r := &Ring{path: path, own: true, now: time.Now}
	return r, r.Reload()
}

// Set returns the keys that are in use.
func (r *Ring) Set() Set { return *r.set.Load() }

// Reload reads the file again. After an error the keys in use stay.
func (r *Ring) Reload() error {
	r.reload.Lock()
	defer r.reload.Unlock()
	before := r.stamp()
	s, info, err := read(r.path)
	if err != nil {
		r.loaded = stamp{} // to be tried again
		return err
	}
	r.loaded = before
	if !info.ModTime().Equal(before.changed) {
		r.loaded = stamp{}
	}
	if old := r.set.Load(); old != nil && old.Node != s.Node {
		s.Node = old.Node
		r.set.Store(&s)
		return fmt.Errorf("read key file %s: its node key has changed, which takes a restart; the ticket secrets are in use", r.path)
	}
	r.set.Store(&s)
	return nil
}

// Watch calls changed whenever the keys in force change: at a new period, and when the file does, with the error of a file that
// cannot be used. It looks every so often until ctx ends.
func (r *Ring) Watch(ctx context.Context, every time.Duration, changed func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	next := r.Set().NextChange(r.now())
	var failed string
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		fresh, err := r.look()
		if fresh = fresh || !r.now().Before(next); !fresh && err == nil {
			failed = ""
			continue
		}
		next = r.Set().NextChange(r.now())
		if err != nil && err.Error() == failed && !fresh {
			continue // said once
		}
		failed = ""
		if err != nil {
			failed = err.Error()
		}
		changed(err)
	}
}

// look rotates the node's own file where it is due, and reads what is new.
func (r *Ring) look() (fresh bool, err error) {
	if r.own {
		if _, err := Rotate(r.path, r.now(), Fresh); err != nil {
			return false, err
		}
	}
	r.reload.Lock()
	same := r.loaded == r.stamp() && r.loaded != stamp{}
	r.reload.Unlock()
	if same {
		return false, nil
	}
	before := r.set.Load()
	err = r.Reload()
	return r.set.Load() != before, err
}
