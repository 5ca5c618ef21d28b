package ticketkey

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lead is how long before its use a new secret stands in the file, so that whoever shares it has read it by then.
	lead = time.Hour

	// Fresh is how old the last secret of a node's own file may be before it makes the next.
	Fresh = 7 * 24 * time.Hour
)

// ErrExists says that Create found a file.
var ErrExists = os.ErrExist

// Read reads a key file. One that others may read or write is refused.
func Read(path string) (Set, error) {
	s, _, err := read(path)
	return s, err
}

func read(path string) (Set, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return Set{}, nil, fmt.Errorf("read key file: %w: %s", err, openCure(err))
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Set{}, nil, fmt.Errorf("read key file: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return Set{}, nil, fmt.Errorf("read key file %s: not a file of at most %d bytes: name one that quicedge keys new has made", path, maxFile)
	case info.Mode().Perm()&0o077 != 0:
		return Set{}, nil, fmt.Errorf("read key file %s: its mode is %#o: others may have its keys: make new ones, and chmod 600 it", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return Set{}, nil, fmt.Errorf("read key file: %w", err)
	}
	s, err := Parse(text, path)
	if err != nil {
		return Set{}, nil, fmt.Errorf("read key file %w", err)
	}
	return s, info, nil
}

func openCure(err error) string {
	if errors.Is(err, os.ErrPermission) {
		return "give it to the user that runs the node"
	}
	return "check the path, or make one with quicedge keys new"
}

// Create writes a file of new keys, or returns ErrExists: whoever is first makes the keys of all.
func Create(path string, now time.Time) error {
	var s Set
	secret, err := newSecret(now)
	if err == nil {
		s.Tickets = []Secret{secret}
		_, err = rand.Read(s.Node[:])
	}
	if err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	return place(path, s, os.Link)
}

// Rotate adds a new secret, in use after an hour, if the last is at least so old, and takes out those that no ticket needs any more.
// It reports whether it wrote the file. One process at a time does so.
func Rotate(path string, now time.Time, old time.Duration) (wrote bool, err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return false, fmt.Errorf("rotate keys: %w", err)
	}
	defer dir.Close() // with the lock
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return false, fmt.Errorf("rotate keys: lock %s: %w", dir.Name(), err)
	}
	s, err := Read(path)
	if err != nil {
		return false, err
	}
	next, changed, err := s.rotated(now, old)
	if err != nil || !changed {
		return false, err
	}
	return true, place(path, next, os.Rename)
}

func (s Set) rotated(now time.Time, old time.Duration) (Set, bool, error) {
	last := s.Tickets[len(s.Tickets)-1]
	if now.Sub(last.From) < old {
		return s, false, nil
	}
	var kept []Secret
	for i, secret := range s.Tickets {
		if i == len(s.Tickets)-1 || now.Sub(s.Tickets[i+1].From) < Kept {
			kept = append(kept, secret)
		}
	}
	secret, err := newSecret(now.Add(lead))
	if err != nil {
		return s, false, fmt.Errorf("rotate keys: %w", err)
	}
	s.Tickets = append(kept[max(0, len(kept)-maxTickets+1):], secret)
	return s, true, nil
}

func newSecret(from time.Time) (s Secret, err error) {
	s.From = from.UTC().Truncate(time.Second)
	_, err = rand.Read(s.Key[:])
	return s, err
}

// place writes a whole file beside path, and puts it there by a link or a new name.
func place(path string, s Set, put func(from, to string) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	defer os.Remove(tmp.Name()) // fails, as it should, once renamed
	if _, err = tmp.Write(s.Text()); err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = put(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
