package dataplane

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// fuzzBench is the programs as each way of loading makes them.
func fuzzBench(t testing.TB) map[string]*bench {
	t.Helper()
	return map[string]*bench{
		"ethernet":        newBenchOf(t, testSnapshot(t), Config{}, 14),
		"no link layer":   newBenchOf(t, testSnapshot(t), Config{}, 0),
		"silent, marking": newBenchOf(t, testSnapshot(t), Config{Silent: true, NoScreen: true, MarkMask: 0x3ff, PriorityMajor: 1}, 14),
	}
}

// FuzzVerdict mutates packets through both programs: whatever a stranger sends, what comes out is in the table of checkVerdict.
func FuzzVerdict(f *testing.F) {
	benches := fuzzBench(f)
	stride := 1
	if testing.Short() { // in emulation
		stride = 10
	}
	for _, g := range packetTable() {
		for i := 0; i < len(g.cases); i += stride {
			f.Add(g.cases[i].frame, uint16(g.cases[i].gso.size))
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte, segment uint16) {
		for name, b := range benches {
			for _, hook := range []string{"ingress", "egress"} {
				b.fuzz(t, name, hook, frame, gso{uint32(segment), min(uint32(segment), 2)})
			}
		}
	})
}

// TestMutatedPackets is FuzzVerdict for 5 seconds, or a minute with QUICEDGE_SOAK=1, from packets that are nearly right.
func TestMutatedPackets(t *testing.T) {
	took := 5 * time.Second
	if os.Getenv("QUICEDGE_SOAK") == "1" {
		took = time.Minute
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	var frames [][]byte
	for _, g := range packetTable() {
		for _, c := range g.cases {
			frames = append(frames, c.frame)
		}
	}
	benches, n := fuzzBench(t), 0
	for deadline := time.Now().Add(took); time.Now().Before(deadline) && !t.Failed(); {
		frame := mutate(r, frames)
		g := gso{}
		if r.IntN(4) == 0 {
			g = gso{uint32(r.IntN(1 << 11)), uint32(r.IntN(4))}
		}
		for name, b := range benches {
			for _, hook := range []string{"ingress", "egress"} {
				b.fuzz(t, name, hook, frame, g)
				n++
			}
		}
	}
	t.Logf("%d packets, seed %d", n, seed)
}

// mutate is one of the frames after a few changes.
func mutate(r *rand.Rand, frames [][]byte) []byte {
	b := slices.Clone(frames[r.IntN(len(frames))])
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			break
		}
		at := r.IntN(min(len(b), 160)) // where headers are
		switch r.IntN(7) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			b[at] = []byte{0, 1, 2, 4, 17, 6, 44, 60, 0x45, 0x60, 0x81, 0xc0, 0xff}[r.IntN(13)]
		case 3:
			b = b[:at]
		case 4:
			b = slices.Insert(b, at, b[at:min(len(b), at+1+r.IntN(24))]...)
		case 5:
			b = slices.Delete(b, at, min(len(b), at+1+r.IntN(24)))
		case 6:
			other := frames[r.IntN(len(frames))]
			copy(b[at:], other[min(len(other), at):])
		}
	}
	return b
}

// fuzz runs a frame that may be anything.
func (b *bench) fuzz(t *testing.T, name, hook string, frame []byte, g gso) {
	t.Helper()
	verdict, out, err := b.try(hook, frame, g)
	if errors.Is(err, unix.EINVAL) && (len(frame) < 14 || len(frame) > 3000 || shortIP(frame)) {
		return // a test run takes no such frame
	}
	if err != nil {
		t.Errorf("%s, %s on %x: %v", name, hook, frame, err)
		return
	}
	if problem := b.judge(t, hook, frame, g, verdict, out); problem != "" {
		t.Errorf("%s, %s: verdict %d on %x, gso %v, came out as %x: %s", name, hook, verdict, frame, g, out, problem)
	}
}

// shortIP reports whether a frame says that it is IP, and is too short for it.
func shortIP(frame []byte) bool {
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherIPv4:
		return len(frame) < 34
	case etherIPv6:
		return len(frame) < 54
	}
	return false
}

// judge says what is wrong with what became of a frame: one that goes on is as it was, but for the MSS of a SYN; ingress drops
// what is screened; egress drops what is too large, or turns it into a right ICMP error. Nothing else is dropped.
func (b *bench) judge(t *testing.T, hook string, frame []byte, g gso, verdict bpf.DataplaneVerdict, out []byte) string {
	t.Helper()
	if want := fateOf(b.snap, b.cfg, b.link, hook, frame, g); (verdict == next) != (want == goesOn) {
		return "it is one that " + string(want)
	}
	switch {
	case verdict == next && bytes.Equal(out, frame):
		return ""
	case verdict == next:
		if len(out) != len(frame) || b.reasonOf(t, hook, frame, g) != "mss-clamped" {
			return "a frame that goes on was changed"
		}
		return ""
	case verdict == drop:
		return ""
	case hook == "egress" && verdict == redirect && !b.cfg.Silent:
		return wrongError(out[b.l3(out):])
	}
	return "no such verdict"
}

// reasonOf runs a frame again and reads for what reason it was let go.
func (b *bench) reasonOf(t *testing.T, hook string, frame []byte, g gso) string {
	t.Helper()
	for _, id := range testClasses() {
		b.take(t, &Stats{}, id, hook)
	}
	b.run(t, hook, frame, g)
	var s Stats
	for _, id := range testClasses() {
		b.take(t, &s, id, hook)
	}
	if len(s.Reasons) != 1 {
		return "none, or more than one"
	}
	return s.Reasons[0].Reason
}

// l3 is where the IP header of a frame is.
func (b *bench) l3(frame []byte) int {
	if b.link == 0 {
		return 0
	}
	at := 12
	for binary.BigEndian.Uint16(frame[at:]) == tagC>>16 || binary.BigEndian.Uint16(frame[at:]) == tagS>>16 {
		at += 4
	}
	return at + 2
}

// wrongError says what is wrong with an ICMP error.
func wrongError(ip []byte) string {
	first := gopacket.LayerType(layers.LayerTypeIPv4)
	if ip[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(ip, first, gopacket.Default)
	if v6, ok := p.NetworkLayer().(*layers.IPv6); ok {
		if len(v6.Payload) < 8+48 || len(v6.Payload) > 8+128 || v6.NextHeader != layers.IPProtocolICMPv6 || v6.Payload[0] != 2 {
			return "not a packet too big"
		}
		pseudo := append(slices.Clone(v6.Contents[8:40]), 0, 0, byte(len(v6.Payload)>>8), byte(len(v6.Payload)), 0, 0, 0, 58)
		if checksum(pseudo, v6.Payload) != 0 {
			return "icmpv6 checksum"
		}
		return ""
	}
	v4, ok := p.NetworkLayer().(*layers.IPv4)
	if !ok || len(v4.Payload) < 8+28 || len(v4.Payload) > 8+68 || v4.Protocol != layers.IPProtocolICMPv4 || v4.Payload[0] != 3 || v4.Payload[1] != 4 {
		return "not a fragmentation needed"
	}
	if checksum(v4.Contents) != 0 || checksum(v4.Payload) != 0 {
		return "ipv4 or icmp checksum"
	}
	return ""
}
