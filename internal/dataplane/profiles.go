package dataplane

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

const profileSize = int(unsafe.Sizeof(bpf.DataplanePathProfile{}))

// profileArray is the kernel's array of path profiles, mapped into memory.
type profileArray struct{ mem []byte }

func mapProfiles(m *ebpf.Map) (profileArray, error) {
	mem, err := unix.Mmap(m.FD(), 0, class.Max*profileSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return profileArray{mem}, explain("map profiles into memory", err)
}

func (a profileArray) close() error { return unix.Munmap(a.mem) }

// word is the part of a profile that is read and written as one.
func (a profileArray) word(id class.ID) *uint64 {
	return (*uint64)(unsafe.Pointer(&a.mem[int(id)*profileSize]))
}

func (a profileArray) load(id class.ID) path.Profile {
	return decodeProfile(atomic.LoadUint64(a.word(id)))
}

// store writes those of the profiles that differ, and returns how many did. Each changes at once for every packet.
func (a profileArray) store(profiles *[class.Max]path.Profile) (changed int) {
	for id := range profiles {
		w, want := a.word(class.ID(id)), encodeProfile(profiles[id])
		if atomic.LoadUint64(w) != want {
			atomic.StoreUint64(w, want)
			changed++
		}
	}
	return changed
}

// encodeProfile lays a profile out as the first eight bytes of struct path_profile, little-endian.
func encodeProfile(p path.Profile) uint64 {
	var flags uint64
	if p.Search {
		flags = uint64(bpf.DataplaneProfileFlagPROFILE_SEARCH)
	}
	return uint64(p.MTU) | uint64(p.Budget)<<16 | uint64(p.Initial)<<32 | flags<<48 | uint64(p.Source)<<56
}

func decodeProfile(w uint64) path.Profile {
	return path.Profile{
		MTU:     uint16(w),
		Budget:  uint16(w >> 16),
		Initial: uint16(w >> 32),
		Search:  w>>48&uint64(bpf.DataplaneProfileFlagPROFILE_SEARCH) != 0,
		Source:  mtu.Source(w >> 56),
	}
}

// validate refuses a snapshot that would harm packets.
func validate(snap *path.Snapshot) error {
	if snap == nil {
		return fmt.Errorf("no snapshot given")
	}
	for id, p := range snap.Profiles {
		if err := validateProfile(p); err != nil {
			return fmt.Errorf("profile of class %d (%s): %w", id, class.ID(id), err)
		}
	}
	for _, e := range snap.Prefixes.Entries() {
		if !e.Class.Valid() || e.Class >= class.Max {
			return fmt.Errorf("prefix %s: class %d has no known province and isp", e.Prefix, e.Class)
		}
	}
	return nil
}

// validateProfile takes the zero Profile as that of a class of which nothing is known.
func validateProfile(p path.Profile) error {
	switch {
	case p == path.Profile{}:
		return nil
	case p.MTU < mtu.Min || p.MTU > mtu.Max:
		return fmt.Errorf("mtu %d: give %d to %d bytes", p.MTU, mtu.Min, mtu.Max)
	case p.Budget != mtu.Budget(p.MTU):
		return fmt.Errorf("budget %d: an mtu of %d leaves %d bytes", p.Budget, p.MTU, mtu.Budget(p.MTU))
	case p.Initial < path.MinInitial || p.Initial > path.MaxInitial:
		return fmt.Errorf("initial packet size %d: give %d to %d bytes", p.Initial, path.MinInitial, path.MaxInitial)
	}
	return nil
}
