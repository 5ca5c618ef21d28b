package dataplane

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// maxQuestions is how many addresses are asked for at once; its twin is MAX_QUESTIONS in bpf/testtables.c.
const maxQuestions = 1 << 20

// addr6 is an IPv6 address as bpf/testtables.c has it.
type addr6 struct{ high, low uint64 }

func addr6Of(a netip.Addr) addr6 {
	b := a.As16()
	return addr6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a addr6) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.high)
	binary.BigEndian.PutUint64(b[8:], a.low)
	return netip.AddrFrom16(b)
}

func addr4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

func number4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// asker asks the programs' own look-up for many addresses in one system call. Its tables are the bench's.
type asker struct {
	*bench
	tests      testTablesObjects
	questions4 []uint32
	questions6 []addr6
	answers    []prefix.Answer
}

func newAsker(t testing.TB, kind TableKind, snap *path.Snapshot) *asker {
	t.Helper()
	a := &asker{bench: newBenchOf(t, snap, Config{TableKind: kind}, 14)}
	spec, err := loadTestTables()
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Variables[bpf.DataplaneVarTableKind].Set(kind.number()); err != nil {
		t.Fatal(err)
	}
	shared := map[string]*ebpf.Map{
		bpf.DataplaneMapPrefixes4: a.maps.Prefixes4, bpf.DataplaneMapPrefixes6: a.maps.Prefixes6,
		bpf.DataplaneMapLeaves4: a.maps.Leaves4, bpf.DataplaneMapLists6: a.maps.Lists6,
		bpf.DataplaneMapTrie4: a.maps.Trie4, bpf.DataplaneMapTrie6: a.maps.Trie6,
	}
	if err := spec.LoadAndAssign(&a.tests, &ebpf.CollectionOptions{MapReplacements: shared}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.tests.Close() })
	a.questions4 = mapped[uint32](t, a.tests.Questions4)
	a.questions6 = mapped[addr6](t, a.tests.Questions6)
	a.answers = mapped[prefix.Answer](t, a.tests.Answers)
	return a
}

// mapped is an array with room for maxQuestions, mapped into memory.
func mapped[T any](t testing.TB, m *ebpf.Map) []T {
	t.Helper()
	var one T
	mem, err := unix.Mmap(m.FD(), 0, maxQuestions*int(unsafe.Sizeof(one)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), maxQuestions)
}

// ask4 answers up to maxQuestions addresses. The answers hold until the next call.
func (a *asker) ask4(t testing.TB, addrs []uint32) []prefix.Answer {
	t.Helper()
	copy(a.questions4, addrs)
	return a.ask(t, a.tests.TestAnswer4, len(addrs))
}

func (a *asker) ask6(t testing.TB, addrs []addr6) []prefix.Answer {
	t.Helper()
	copy(a.questions6, addrs)
	return a.ask(t, a.tests.TestAnswer6, len(addrs))
}

// ask runs a program once for each question. A signal makes it go on with more: the answers stay the same.
func (a *asker) ask(t testing.TB, program *ebpf.Program, n int) []prefix.Answer {
	t.Helper()
	if err := a.tests.Next.Set(uint32(0)); err != nil {
		t.Fatal(err)
	}
	clear(a.answers[:n])
	if n == 0 {
		return nil
	}
	if ret, err := program.Run(&ebpf.RunOptions{Data: make([]byte, 14), Repeat: uint32(n)}); err != nil || ret != 0 {
		t.Fatalf("ask for %d addresses: %d, %v", n, ret, err)
	}
	return a.answers[:n]
}

// answerOf is what userspace answers for an address.
func answerOf(table *prefix.Table, a netip.Addr) prefix.Answer {
	p, id, ok := table.Lookup(a)
	if !ok {
		return 0
	}
	return prefix.Answer(id) | prefix.Answer(p.Bits()+1)<<16
}
