package edge

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Bounds of what is held in memory.
const (
	maxHeld   = 1 << 20     // bytes of a file; larger ones are read from the disk
	lookEvery = time.Second // how long a file that has changed may be served as it was
)

// shelf holds the small files that were asked for lately, and their compressed forms, so that a request for one does no system
// call. The zero value holds nothing: room says how much it may.
type shelf struct {
	root *os.Root
	room int64 // bytes

	whole Whole // nil: no answer is sent whole

	mu   sync.RWMutex
	held map[string]*resource
	used int64

	// loading is taken by the one request that reads and compresses a file. The others do not wait for it: they read from the disk.
	loading sync.Mutex
}

// fresh returns what is held under a name and was looked at a moment ago, nil for nothing.
func (s *shelf) fresh(name string, now time.Time) *resource {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.held[name]; r != nil && now.Sub(r.looked) < lookEvery {
		return r
	}
	return nil
}

// get returns what a plain file stands for, held where there is room.
func (s *shelf) get(name string, self fs.FileInfo) *resource {
	found := look(s.root, name, self)
	s.mu.RLock()
	held := s.held[name]
	s.mu.RUnlock()
	if held != nil && slices.Equal(held.stamps, found.stamps) {
		again := *held
		again.looked = found.looked
		s.put(name, &again)
		return &again
	}
	if self.Size() > min(maxHeld, s.room/4) || !s.loading.TryLock() {
		return found
	}
	defer s.loading.Unlock()
	if !s.load(found) {
		return found
	}
	s.put(name, found)
	return found
}

// load reads the file and, unless it was beforehand, compresses it. It reports whether the file is still what it was looked at as.
func (s *shelf) load(r *resource) bool {
	self := &r.variants[0]
	data, ok := s.read(self)
	if !ok {
		return false
	}
	plain := newVariant(self.name, "", self.of, data)
	others := r.variants[1:]
	if len(others) == 0 && r.vary != nil {
		if small := compress(data); small != nil {
			others = []variant{newVariant(self.name, "gzip", self.of, small)}
		}
	}
	for i := range others {
		if v := &others[i]; v.data == nil && v.of.size <= maxHeld {
			small, ok := s.read(v)
			if !ok {
				return false
			}
			*v = newVariant(v.name, v.encoding, v.of, small)
		}
	}
	r.variants = append([]variant{plain}, others...)
	if s.whole != nil {
		for i := range r.variants {
			if v := &r.variants[i]; v.data != nil && len(v.data) <= maxWhole {
				v.fields = r.encode(v, s.whole)
			}
		}
	}
	return true
}

func (s *shelf) read(v *variant) ([]byte, bool) {
	// O_NONBLOCK: to open a pipe would otherwise wait for its writer.
	f, err := s.root.OpenFile(v.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	data := make([]byte, v.of.size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, false
	}
	info, err := f.Stat() // after the read: what was written meanwhile shows
	return data, err == nil && info.Mode().IsRegular() && stampOf(info) == v.of
}

// put holds a resource, and lets go of others, whichever they are, until there is room.
func (s *shelf) put(name string, r *resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[string]*resource{}
	}
	s.drop(name)
	for other := range s.held {
		if s.used+r.memory() <= s.room {
			break
		}
		s.drop(other)
	}
	s.held[name] = r
	s.used += r.memory()
}

func (s *shelf) drop(name string) {
	if r := s.held[name]; r != nil {
		s.used -= r.memory()
		delete(s.held, name)
	}
}
