// Package replay remembers which session tickets have carried 0-RTT data, so that a flight which somebody captured and sends again
// is accepted at most once (RFC 8446, section 8.1). The register is a file that the processes of a node map, of a fixed size, and
// needs no lock: what was struck survives a process that is killed, and what may have been forgotten is refused.
package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Verdict says whether a ticket may carry 0-RTT data, or why not. Who is refused goes on with a handshake of one round trip.
type Verdict uint8

const (
	// Accepted: the ticket is struck now, and was not before.
	Accepted Verdict = iota

	// Replayed: it was struck before.
	Replayed

	// Expired: it is older than Settings.Life.
	Expired

	// Unsafe: it was given before the register began, which cannot know whether it was used; or so shortly after, on another node,
	// that clocks which differ could hide that.
	Unsafe

	// ClockDiffers: it is of another node, and the clocks differ by more than Skew, or the clock of this host was set since the register
	// began. The latter ends with a start of the node while no other process has the register.
	ClockDiffers

	// Crowded: its bucket has forgotten tickets as old as this one, to have room for newer ones.
	Crowded

	verdicts
)

var verdictNames = [verdicts]string{"accepted", "replayed", "expired", "unsafe", "clock", "crowded"}

// Verdicts returns them all.
func Verdicts() []Verdict {
	return []Verdict{Accepted, Replayed, Expired, Unsafe, ClockDiffers, Crowded}
}

func (v Verdict) String() string {
	if v >= verdicts {
		return "unknown"
	}
	return verdictNames[v]
}

// Skew is by how much the clocks of nodes that share ticket keys may differ. Hosts that keep their time by NTP are within a tenth
// of a second.
const Skew = 5 * time.Second

// Stamp goes into each ticket, where clients can neither read nor change it.
type Stamp struct {
	Register uint64 // of the process that gave it
	Issued   int64  // nanoseconds since 1970, by that register's clock
}

// Register is what a node remembers. It is safe for concurrent use, by any number of processes. Make it with Open.
type Register struct {
	open   sync.RWMutex // held for reading while the memory is used, so that it is not taken away under a last handshake
	mapped []byte
	close  func() error
	clock  Clock
	header *header
	bucket []bucket
	counts [verdicts]atomic.Uint64
}

// A bucket is one cache line. Its first word is the floor: entries that expire no later may have been forgotten.
const bucketEntries = 7

type bucket struct {
	floor   atomic.Uint64 // seconds since the register began
	entries [bucketEntries]atomic.Uint64
}

// An entry is 36 bits of a ticket's hash and the second at which it may be forgotten, counted from the beginning of the register:
// 28 bits last for eight years. Of a million tickets that were never used, fewer than one is taken for another.
const (
	expiryBits = 28
	expiryMask = 1<<expiryBits - 1
)

// Stamp returns the stamp of a ticket that is given now.
func (r *Register) Stamp() (s Stamp) {
	r.within(func() { s = Stamp{Register: r.header.id.Load(), Issued: r.now()} })
	return s
}

// within does something with the memory, if it is there. Whoever cuts the file short takes it away, which would end the process.
func (r *Register) within(do func()) {
	r.open.RLock()
	defer r.open.RUnlock()
	if r.header == nil {
		return
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if _, fault := p.(interface{ Addr() uintptr }); p != nil && !fault {
			panic(p)
		}
	}()
	do()
}

// Strike says whether a ticket may carry 0-RTT data, and strikes it if so. Ticket is what the client sent, all of it authenticated.
func (r *Register) Strike(ticket []byte, s Stamp) Verdict {
	v := Unsafe
	r.within(func() {
		at := r.judge(s)
		if at == Accepted {
			r.see()
			at = r.strike(ticket, s)
		}
		v = at
	})
	r.counts[v].Add(1)
	return v
}

// Count returns how many tickets got a verdict from this process.
func (r *Register) Count(v Verdict) uint64 { return r.counts[v].Load() }

// Bytes returns the size of the register in memory and on disk.
func (r *Register) Bytes() int {
	r.open.RLock()
	defer r.open.RUnlock()
	return len(r.mapped)
}

// judge looks at where and when a ticket was given.
func (r *Register) judge(s Stamp) Verdict {
	now, began := r.now(), r.header.began.Load()
	if s.Register != r.header.id.Load() {
		if r.drifted() || s.Issued > now+int64(Skew) {
			return ClockDiffers
		}
		// Whatever was accepted before the register began had a stamp of at most Skew after that, or after the former one's time.
		if s.Issued <= max(began, r.header.former.Load())+int64(Skew) {
			return Unsafe
		}
	}
	if s.Issued < began {
		return Unsafe
	}
	if r.expired(r.expiry(s)) {
		return Expired
	}
	return Accepted
}

// tries bounds how often a strike begins anew because others have changed its bucket under it.
const tries = 16

// strike enters a ticket into its bucket. Of several that enter the same one at once at most one is accepted: each looks again after
// it has written, and whoever then finds another gives way. Both may.
func (r *Register) strike(ticket []byte, s Stamp) Verdict {
	b, mark := r.place(ticket)
	expiry := r.expiry(s)
	entry := mark<<expiryBits | expiry
	for range tries {
		if expiry <= b.floor.Load() {
			return Crowded
		}
		at, old, found := r.room(b, mark)
		switch {
		case found:
			return Replayed
		case !r.expired(old & expiryMask):
			if old&expiryMask >= expiry {
				return Crowded // it would be the next to be forgotten
			}
			raise(&b.floor, old&expiryMask) // before the entry goes, so that whoever misses it sees this
		}
		if at.CompareAndSwap(old, entry) {
			return r.alone(b, mark, expiry)
		}
	}
	return Crowded
}

// room finds the entry of a bucket that is free, or the one that expires first. found says that the ticket has been struck.
func (r *Register) room(b *bucket, mark uint64) (at *atomic.Uint64, old uint64, found bool) {
	for i := range b.entries {
		e := b.entries[i].Load()
		if e>>expiryBits == mark && !r.expired(e&expiryMask) {
			return nil, 0, true
		}
		if at == nil || e&expiryMask < old&expiryMask {
			at, old = &b.entries[i], e
		}
	}
	return at, old, false
}

// alone looks whether the entry just written is there once, and could not have been forgotten meanwhile.
func (r *Register) alone(b *bucket, mark, expiry uint64) Verdict {
	n := 0
	for i := range b.entries {
		if e := b.entries[i].Load(); e>>expiryBits == mark && e&expiryMask == expiry {
			n++
		}
	}
	switch {
	case n > 1:
		return Replayed
	case n == 0 || expiry <= b.floor.Load() || r.expired(expiry):
		return Crowded
	}
	return Accepted
}

// place returns the bucket of a ticket, and what stands for it there, which is never 0.
func (r *Register) place(ticket []byte) (*bucket, uint64) {
	h := sha256.New()
	var id [8]byte // what falls into one bucket here does not on other nodes
	binary.LittleEndian.PutUint64(id[:], r.header.id.Load())
	h.Write(id[:])
	h.Write(ticket)
	sum := h.Sum(make([]byte, 0, sha256.Size))
	mark := binary.LittleEndian.Uint64(sum[8:]) >> expiryBits
	return &r.bucket[binary.LittleEndian.Uint64(sum)%uint64(len(r.bucket))], max(mark, 1)
}

// expiry is the second, counted from the beginning of the register, from which a ticket is refused.
func (r *Register) expiry(s Stamp) uint64 {
	age := s.Issued + r.header.life.Load() - r.header.began.Load()
	return min(uint64(max(age, 0))/uint64(time.Second), expiryMask)
}

func (r *Register) expired(expiry uint64) bool {
	since := uint64(max(r.now()-r.header.began.Load(), 0)) / uint64(time.Second)
	return expiry <= since || expiry == expiryMask
}

func raise(floor *atomic.Uint64, to uint64) {
	for {
		old := floor.Load()
		if old >= to || floor.CompareAndSwap(old, to) {
			return
		}
	}
}

func abs(n int64) int64 { return max(n, -n) }
