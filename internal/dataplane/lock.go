package dataplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock that another process holds is tried again; a load holds it for some milliseconds.
const lockPoll = 5 * time.Millisecond

// dirLock is an flock on a folder, since a BPF file system holds no plain files. It goes with the process that holds it.
type dirLock struct{ f *os.File }

// lockDir waits for the lock on a folder. The folder may be renamed or removed meanwhile: what is locked is what the path
// names once the lock is held. fs.ErrNotExist where it names nothing.
func lockDir(ctx context.Context, path string) (dirLock, error) {
	for {
		f, err := os.Open(path)
		if err != nil {
			return dirLock{}, err
		}
		if err := flock(ctx, f); err != nil {
			return dirLock{}, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		if sameFile(f, path) {
			return dirLock{f}, nil
		}
		f.Close()
	}
}

// tryLock takes the lock on a folder only if nobody holds it.
func tryLock(path string) (dirLock, bool) {
	f, err := os.Open(path)
	if err != nil {
		return dirLock{}, false
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !sameFile(f, path) {
		f.Close()
		return dirLock{}, false
	}
	return dirLock{f}, true
}

func flock(ctx context.Context, f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process is changing the data plane: %w", context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

func sameFile(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(held, named)
}

// release unlocks before it closes: a child that is between fork and exec has the descriptor too. The zero dirLock is none.
func (l dirLock) release() {
	if l.f != nil {
		unix.Flock(int(l.f.Fd()), unix.LOCK_UN)
		l.f.Close()
	}
}

// forget closes without unlocking: another process has the lock too.
func (l dirLock) forget() {
	if l.f != nil {
		l.f.Close()
	}
}
