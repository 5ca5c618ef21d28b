package csvfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Save writes a file that somebody named, whole or not at all: under the same name with .new behind it, synced and renamed. What a
// killed process leaves there the next one writes over; two at a time are refused. Errors begin with what it is that is written.
func Save(name, what string, write func(io.Writer) error) error {
	target, mode, err := replaceable(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	tmp, err := os.OpenFile(target+".new", os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	if err = own(tmp); err == nil {
		if err = fill(tmp, target, mode, write); err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("write %s, %s stays as it was: %w", what, name, err)
	}
	return syncDir(filepath.Dir(target))
}

// replaceable follows a link to what is to be replaced, and keeps the rights that it has.
func replaceable(name string) (target string, mode os.FileMode, err error) {
	target, err = filepath.EvalSymlinks(name)
	if errors.Is(err, os.ErrNotExist) {
		return name, 0o644, nil
	}
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s is not a regular file: name one with --out", name)
	}
	return target, info.Mode().Perm(), nil
}

// own takes the temporary file for this process. Another one may have put it in place since it was opened.
func own(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another process writes to %s: %w", f.Name(), err)
	}
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(f.Name()); err != nil || !os.SameFile(opened, there) {
		return fmt.Errorf("another process has just written %s", f.Name())
	}
	return nil
}

// fill writes the temporary file and puts it in place.
func fill(f *os.File, target string, mode os.FileMode, write func(io.Writer) error) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := os.Stat(target); err == nil {
		if err := f.Chmod(mode); err != nil {
			return err
		}
	}
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}

func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
