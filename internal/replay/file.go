package replay

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openFile maps the file. Whoever has it open holds a shared lock; who begins it, that lock alone. A second lock lets one process at
// a time look which of both it is.
func (r *Register) openFile(s Settings) error {
	f, err := os.OpenFile(s.Path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	r.close = f.Close
	opening := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if err := again(func() error { return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLKW, &opening) }); err != nil {
		return errors.Join(err, f.Close())
	}
	err = r.mapFile(f, s)
	opening.Type = unix.F_UNLCK
	if err = errors.Join(err, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &opening)); err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// mapFile maps the register as it is, where this boot has begun it with these settings, and otherwise begins it. One whose host had
// its clock set begins anew too, if nobody else has it.
func (r *Register) mapFile(f *os.File, s Settings) error {
	if err := flock(f, unix.LOCK_SH); err != nil {
		return err
	}
	mapped, err := r.mapAsItIs(f, s)
	if err != nil || mapped && !r.drifted() {
		return err
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK) && mapped:
		return flock(f, unix.LOCK_SH)
	case errors.Is(err, unix.EWOULDBLOCK):
		return ErrInUse
	case err != nil:
		return err
	}
	if err := errors.Join(r.unmap(), r.mapAnew(f, s)); err != nil {
		return err
	}
	return flock(f, unix.LOCK_SH)
}

// mapAsItIs reports whether the file is a register that this boot has begun with these settings, and maps it if so.
func (r *Register) mapAsItIs(f *os.File, s Settings) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() != int64(s.size()) {
		return false, err
	}
	if err := r.mmap(int(f.Fd()), s, 0); err != nil {
		return false, err
	}
	if !r.fits(s) {
		return false, r.unmap()
	}
	r.see()
	return true, nil
}

// mapAnew begins the register; nobody else has it. The room is taken on disk now: a page that could not be written later would end
// the process.
func (r *Register) mapAnew(f *os.File, s Settings) error {
	former := formerly(f)
	if err := f.Truncate(0); err != nil {
		return err
	}
	if err := allocate(f, s.size()); err != nil {
		return errors.Join(fmt.Errorf("take %d bytes on disk: %w", s.size(), err), f.Truncate(0))
	}
	if err := r.mmap(int(f.Fd()), s, 0); err != nil {
		return err
	}
	return r.begin(s, former)
}

func (r *Register) mmap(fd int, s Settings, flags int) error {
	mem, err := unix.Mmap(fd, 0, s.size(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|flags)
	if err != nil {
		return fmt.Errorf("map %d bytes: %w", s.size(), err)
	}
	r.use(mem)
	return nil
}

func (r *Register) unmap() error {
	mem := r.mapped
	r.mapped, r.header, r.bucket = nil, nil, nil
	if mem == nil {
		return nil
	}
	return unix.Munmap(mem)
}

// allocate fills a file with zeros, which on some file systems takes writing them.
func allocate(f *os.File, size int) error {
	err := again(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, int64(size)) })
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	_, err = f.WriteAt(make([]byte, size), 0)
	return err
}

func flock(f *os.File, how int) error {
	return again(func() error { return unix.Flock(int(f.Fd()), how) })
}

func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
