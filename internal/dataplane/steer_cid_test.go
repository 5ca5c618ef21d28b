package dataplane

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cilium/ebpf"

	"quicedge/internal/netnstest"
)

// The authors' test vectors: key 00 01 .. 0f, message 00 01 .. of each length.
func TestSipHashGivesItsAuthorsResults(t *testing.T) {
	key := NewCIDs([16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}).key
	for n, want := range map[int]string{8: "6224939a79f5f593", 9: "b0e4a90bdf82009e", 10: "f3b9dd94c5bb5d7a", 15: "e545be4961ca29a1"} {
		message := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
		clear(message[n:])
		got := siphash(key, binary.LittleEndian.Uint64(message), binary.LittleEndian.Uint64(message[8:]), n)
		if have := hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, got)); have != want {
			t.Errorf("%d bytes: %s, want %s", n, have, want)
		}
	}
}

func TestCIDsNameEverySocket(t *testing.T) {
	c := NewCIDs([16]byte{1})
	for g := range uint8(Generations) {
		for socket := range GenerationSockets {
			cid := c.New(g, uint8(socket))
			if gg, ss, ok := c.Parse(cid); !ok || gg != g || int(ss) != socket || len(cid) != CIDLen {
				t.Fatalf("%x: generation %d, socket %d, %v; want %d, %d", cid, gg, ss, ok, g, socket)
			}
		}
	}
}

func TestForgedCIDsAreRefused(t *testing.T) {
	c, other := NewCIDs([16]byte{1}), NewCIDs([16]byte{2})
	cid := c.New(3, 200)
	for bit := range 8 * CIDLen {
		forged := bytes.Clone(cid)
		forged[bit/8] ^= 1 << (bit % 8)
		if _, _, ok := c.Parse(forged); ok {
			t.Errorf("bit %d flipped: accepted", bit)
		}
	}
	for _, bad := range [][]byte{nil, cid[:CIDLen-1], append(bytes.Clone(cid), 0), make([]byte, CIDLen), other.New(3, 200)} {
		if _, _, ok := c.Parse(bad); ok {
			t.Errorf("%x: accepted", bad)
		}
	}
}

// Of one socket's connection IDs no byte stays the same.
func TestCIDsOfASocketDoNotLookAlike(t *testing.T) {
	c := NewCIDs([16]byte{1})
	var seen [CIDLen]map[byte]bool
	for i := range seen {
		seen[i] = make(map[byte]bool)
	}
	for range 1000 {
		for i, b := range c.New(1, 2) {
			seen[i][b] = true
		}
	}
	for i, values := range seen {
		if len(values) < 200 {
			t.Errorf("byte %d takes %d values in 1000", i, len(values))
		}
	}
}

// The program's answer and Parse's are the same: for IDs made by Go, for those with a byte changed, and for random ones.
func TestKernelReadsCIDsAsGoDoes(t *testing.T) {
	netnstest.NeedBPF(t)
	var o testCIDObjects
	if err := loadTestCIDObjects(&o, nil); err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 30_000 {
		var key [16]byte
		fillRandom(r, key[:])
		c := NewCIDs(key)
		cid := c.make(uint8(r.Uint32()), uint8(r.Uint32()), r.Uint64()>>16)
		switch i % 3 {
		case 1:
			cid[r.IntN(CIDLen)] ^= byte(1 + r.IntN(255))
		case 2:
			fillRandom(r, cid)
		}
		want := int32(-1)
		if g, socket, ok := c.Parse(cid); ok {
			want = int32(place(g, int(socket)))
		}
		got, err := o.TestCidPlace.Run(&ebpf.RunOptions{Data: slices.Concat(make([]byte, 14), key[:], cid)})
		if err != nil {
			t.Fatal(err)
		}
		if int32(got) != want || (i%3 == 0) != (want >= 0) {
			t.Fatalf("key %x, %x: the program says %d, Go %d", key, cid, int32(got), want)
		}
	}
}

func fillRandom(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

func BenchmarkCIDs(b *testing.B) {
	c := NewCIDs([16]byte{1})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			c.New(1, 2)
		}
	})
	b.Run("parse", func(b *testing.B) {
		cid := c.New(1, 2)
		for b.Loop() {
			c.Parse(cid)
		}
	})
}
