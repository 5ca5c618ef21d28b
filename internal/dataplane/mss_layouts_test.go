package dataplane

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// loweredAsLinuxReads lowers every MSS that the receiver of a SYN may take for its own, as tcp_parse_options of Linux reads
// options: one of a wrong length is passed over, one that reaches beyond the end, or is shorter than itself, ends them.
func loweredAsLinuxReads(options []byte, limit uint16) []byte {
	b := slices.Clone(options)
	for at := 0; at < len(b) && b[at] != 0; {
		if b[at] == 1 {
			at++
			continue
		}
		if at+2 > len(b) || b[at+1] < 2 || at+int(b[at+1]) > len(b) {
			break
		}
		if b[at] == 2 && b[at+1] == 4 && binary.BigEndian.Uint16(b[at+2:]) > limit {
			binary.BigEndian.PutUint16(b[at+2:], limit)
		}
		at += int(b[at+1])
	}
	return b
}

// anyOptions are options put together of right and of wrong ones, a multiple of four bytes.
func anyOptions(r *rand.Rand) (b []byte) {
	for size := 4 * r.IntN(11); len(b) < size; {
		switch r.IntN(8) {
		case 0, 1:
			b = append(b, 1)
		case 2, 3, 4:
			b = append(b, mssOption(uint16(r.Uint32()))...)
		case 5:
			b = append(b, 2, byte(r.IntN(8)))
		case 6:
			b = append(append(b, 8, 10), make([]byte, r.IntN(9))...)
		case 7:
			b = append(b, byte(r.IntN(256)))
		}
	}
	return b[:len(b)/4*4][:min(len(b)/4*4, 40)]
}

// Whatever the options of a SYN are, each MSS that its receiver could read is lowered, nothing else is changed, and the checksum
// that comes out is the one that a sender of those options would have made.
func TestEveryMSSThatCanBeReadIsLowered(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	lowered := 0
	for range 5000 {
		options, client, hook := anyOptions(r), harbin4, "ingress"
		if r.IntN(2) == 0 {
			client = harbin6
		}
		if r.IntN(2) == 0 {
			hook = "egress"
		}
		frame := between(hook, client, 0, tcpSYN, options, nil)
		want := between(hook, client, 0, tcpSYN, loweredAsLinuxReads(options, harbinMSS(client)), nil)
		verdict, out := b.run(t, hook, frame, gso{})
		if verdict != next || !bytes.Equal(out, want) {
			t.Fatalf("options %x to or from %s at %s, seed %d: verdict %d, came out as\n%x, want\n%x", options, client, hook, seed, verdict, out, want)
		}
		if !bytes.Equal(frame, want) {
			lowered++
		}
	}
	if lowered < 1000 {
		t.Errorf("%d of 5000 SYNs had an MSS to be lowered, want 1000 at least", lowered)
	}
}
