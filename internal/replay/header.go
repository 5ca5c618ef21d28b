package replay

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"
)

// headerBytes is a page, so that the buckets lie on cache lines.
const headerBytes = 4096

// magic is the first word of a register, and the version of its format.
const magic = 0x3230594c50455251 // "QREPLY02" in memory

// header is the first page of a register, words of the host's byte order. All but the last are written before anybody else has it.
type header struct {
	magic   atomic.Uint64
	id      atomic.Uint64    // random
	boot    [2]atomic.Uint64 // hash of the boot's id
	began   atomic.Int64     // nanoseconds since 1970
	offset  atomic.Int64     // nanoseconds: the register's time without the time since boot
	life    atomic.Int64     // nanoseconds
	buckets atomic.Uint64
	former  atomic.Int64  // the latest time that a register before this one knew; nanoseconds since 1970, 0 for none
	sum     atomic.Uint64 // of all above
	seen    atomic.Int64  // when it last accepted a ticket, or was opened; nanoseconds since 1970
}

// use takes mapped memory for the register.
func (r *Register) use(mem []byte) {
	r.mapped = mem
	r.header = (*header)(unsafe.Pointer(&mem[0]))
	r.bucket = unsafe.Slice((*bucket)(unsafe.Pointer(&mem[headerBytes])), (len(mem)-headerBytes)/bucketBytes)
}

// begin writes the header of a register that has nothing but zeros. Where the clock was set back, the former one has accepted tickets
// that seem to be of times to come: they are refused by that of its time, which does not keep this one from giving its own.
func (r *Register) begin(s Settings, former int64) error {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("make its number: %w", err)
	}
	h, wall := r.header, r.clock.Wall()
	h.id.Store(binary.LittleEndian.Uint64(id[:]) | 1)
	a, b := r.clock.bootHash()
	h.boot[0].Store(a)
	h.boot[1].Store(b)
	h.began.Store(wall)
	h.offset.Store(wall - r.clock.Boot())
	h.life.Store(int64(s.Life))
	h.buckets.Store(uint64(s.Buckets))
	h.former.Store(former)
	h.seen.Store(wall)
	h.magic.Store(magic)
	h.seal()
	return nil
}

// fits reports whether the register is whole, of this boot and of these settings.
func (r *Register) fits(s Settings) bool {
	h := r.header
	a, b := r.clock.bootHash()
	return h.magic.Load() == magic && h.sum.Load() == h.hash() && h.boot[0].Load() == a && h.boot[1].Load() == b &&
		h.life.Load() == int64(s.Life) && h.buckets.Load() == uint64(s.Buckets)
}

// drifted reports whether the clock of this host was set since the register began.
func (r *Register) drifted() bool { return abs(r.clock.Wall()-r.now()) > int64(Skew) }

// see notes the time, for a register that begins after this one.
func (r *Register) see() {
	for now := r.now(); ; {
		seen := r.header.seen.Load()
		if seen >= now || r.header.seen.CompareAndSwap(seen, now) {
			return
		}
	}
}

func (h *header) seal() { h.sum.Store(h.hash()) }

func (h *header) hash() uint64 {
	var text []byte
	for _, word := range []uint64{
		h.magic.Load(), h.id.Load(), h.boot[0].Load(), h.boot[1].Load(),
		uint64(h.began.Load()), uint64(h.offset.Load()), uint64(h.life.Load()), h.buckets.Load(),
		uint64(h.former.Load()),
	} {
		text = binary.LittleEndian.AppendUint64(text, word)
	}
	sum := sha256.Sum256(text)
	return binary.LittleEndian.Uint64(sum[:])
}

func (c Clock) bootHash() (uint64, uint64) {
	sum := sha256.Sum256([]byte(c.BootID))
	return binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])
}

// formerly returns the latest time that a register knew which is about to begin anew; 0 where it is none.
func formerly(f *os.File) int64 {
	page := make([]byte, headerBytes)
	if n, err := f.ReadAt(page, 0); err != nil || n < headerBytes {
		return 0
	}
	h := (*header)(unsafe.Pointer(&page[0]))
	if h.magic.Load() != magic || h.sum.Load() != h.hash() {
		return 0
	}
	return max(h.began.Load(), h.seen.Load(), h.former.Load())
}
