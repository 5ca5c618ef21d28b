package dataplane

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"

	"quicedge/internal/prefix"
)

// maxPrefixes is the most that one table takes; its twin is MAX_PREFIXES in bpf/types.h.
const maxPrefixes = 1 << 20

// tables are the entries of a snapshot, sorted, so that their order changes no digest.
type tables struct {
	keys4   []prefix.Key4
	keys6   []prefix.Key6
	digest4 [sha256.Size]byte
	digest6 [sha256.Size]byte
}

func newTables(entries []prefix.Entry) (*tables, error) {
	var t tables
	var err error
	if t.keys4, t.keys6, err = prefix.Sort(entries); err != nil {
		return nil, err
	}
	if n := max(len(t.keys4), len(t.keys6)); n > maxPrefixes {
		return nil, fmt.Errorf("%d prefixes of one family: at most %d fit: aggregate neighbours of one class", n, maxPrefixes)
	}
	t.digest4 = digest(t.keys4, func(b []byte, k prefix.Key4) []byte { return binary.LittleEndian.AppendUint64(b, uint64(k)) })
	t.digest6 = digest(t.keys6, func(b []byte, k prefix.Key6) []byte {
		addr := k.Addr()
		return binary.LittleEndian.AppendUint32(append(b, addr[:]...), uint32(k.Answer))
	})
	return &t, nil
}

// digest is that of keys as put appends them to bytes.
func digest[K any](keys []K, put func([]byte, K) []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	b := make([]byte, 0, 1<<14)
	for chunk := range slices.Chunk(keys, 512) {
		b = b[:0]
		for _, k := range chunk {
			b = put(b, k)
		}
		h.Write(b)
	}
	h.Sum(sum[:0])
	return sum
}

// table is what goes into a slot: a map, and of the fast kind, where that has no room for everything, a second one.
type table struct {
	first, second *ebpf.Map
}

func (t table) close() error { return errors.Join(t.first.Close(), t.second.Close()) } // nil is fine

// bytes is the memory of the table as the kernel accounts it.
func (t table) bytes() (sum uint64, err error) {
	for _, m := range []*ebpf.Map{t.first, t.second} {
		if m == nil {
			continue
		}
		info, err := m.Info()
		if err != nil {
			return 0, explain("ask for the size of a prefix table", err)
		}
		size, _ := info.Memlock()
		sum += size
	}
	return sum, nil
}

// planner works out the table that a slot takes, without touching the kernel: what first and second are to be like is in the
// specs. Side is the slot that the second map will be in.
type planner func(first, second *ebpf.MapSpec, t *tables, side int) (builder, error)

// builder makes and fills a table that has been planned.
type builder func() (table, error)
