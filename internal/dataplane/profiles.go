package dataplane

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
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

// of is a class's place in the array.
func (a profileArray) of(id class.ID) *profileWords {
	return (*profileWords)(unsafe.Pointer(&a.mem[int(id)*profileSize]))
}

func (a profileArray) load(id class.ID) path.Profile {
	var w profileWords
	for i := range w {
		w[i] = atomic.LoadUint64(&a.of(id)[i])
	}
	return decodeProfile(w)
}

// store writes those words of the profiles that differ, and returns how many profiles did. The sizes of a class, which are one
// word, change at once for every packet.
func (a profileArray) store(profiles *[class.Max]path.Profile) (changed int) {
	for id := range profiles {
		if a.of(class.ID(id)).become(encodeProfile(&profiles[id])) {
			changed++
		}
	}
	return changed
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
	return validateTimes(p)
}

// validateTimes refuses what the kernel's form has no room for, and what no server could use.
func validateTimes(p path.Profile) error {
	for _, t := range []struct {
		name        string
		value, unit time.Duration
	}{
		{"ack delay", p.ACK.MaxDelay, time.Microsecond},
		{"keep-alive", p.KeepAlive, time.Millisecond},
		{"idle timeout", p.IdleTimeout, time.Millisecond},
		{"round-trip time", p.RTT, time.Microsecond},
	} {
		if t.value < 0 || t.value/t.unit > math.MaxUint32 {
			return fmt.Errorf("%s %s: give 0 to %s", t.name, t.value, math.MaxUint32*t.unit)
		}
	}
	if p.ACK != (path.ACK{}) && (p.ACK.Exponent < 2 || p.ACK.Exponent > 4 || p.ACK.Threshold < 2) {
		return fmt.Errorf("ack exponent %d, threshold %d: give 2 to 4, and 2 packets or more", p.ACK.Exponent, p.ACK.Threshold)
	}
	return nil
}
