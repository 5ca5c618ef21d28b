package replay

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Settings of a register. The zero value works: a register of 16 MiB in memory, which this process has alone.
type Settings struct {
	// Path is the file that the processes of a node share. Its folder must be theirs alone. Empty: memory.
	Path string

	// Life is for how long after it was given a ticket may carry 0-RTT data. 0: a day.
	Life time.Duration

	// Buckets bounds what is remembered: each is 64 bytes and remembers 7 tickets for as long as they may be used; beyond that the
	// oldest may carry no 0-RTT data any more. 0: 262,144, which is 16 MiB.
	Buckets int

	Clock *Clock // nil: the host's
}

const (
	defaultLife    = 24 * time.Hour
	defaultBuckets = 1 << 18
	bucketBytes    = 64
)

// ErrInUse says that other processes have the register open with other settings.
var ErrInUse = errors.New("other processes use it with other settings: end them first")

// Open opens the register of a node, or begins one where there is none, where it is of another boot, or was made with other
// settings. A register that begins accepts no ticket that was given before.
func Open(s Settings) (*Register, error) {
	if s.Life <= 0 {
		s.Life = defaultLife
	}
	if s.Buckets <= 0 {
		s.Buckets = defaultBuckets
	}
	r := &Register{}
	if s.Clock != nil {
		r.clock = *s.Clock
	} else {
		var err error
		if r.clock, err = hostClock(); err != nil {
			return nil, fmt.Errorf("open strike register: %w", err)
		}
	}
	open := r.openFile
	if s.Path == "" {
		open = r.openMemory
	}
	if err := open(s); err != nil {
		return nil, fmt.Errorf("open strike register %s: %w", s.Path, err)
	}
	return r, nil
}

// Close lets go of the register, which accepts nothing any more.
func (r *Register) Close() error {
	r.open.Lock()
	defer r.open.Unlock()
	return errors.Join(r.unmap(), r.close())
}

func (s Settings) size() int { return headerBytes + s.Buckets*bucketBytes }

func (r *Register) openMemory(s Settings) error {
	r.close = func() error { return nil }
	if err := r.mmap(-1, s, unix.MAP_ANONYMOUS); err != nil {
		return err
	}
	return r.begin(s, 0)
}
