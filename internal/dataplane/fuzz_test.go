package dataplane

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// FuzzVerdict mutates packets through both programs: whatever a stranger sends, ingress lets it go on unchanged, and egress
// does that, or drops it, or turns it into an ICMP error of the right size.
func FuzzVerdict(f *testing.F) {
	b := newBench(f, testSnapshot(f), false)
	for _, c := range foreign() {
		f.Add(c.frame, uint16(0))
	}
	for _, frame := range [][]byte{
		toClient(harbin4, 1372), toClient(harbin4, 1373), toClient(harbin6, 1372), toClient(harbin6, 1373),
		fromClient(harbin4, 1200), fromClient(harbin6, 1248), toClient(gansu6, 1300),
		v6{src: server6, dst: harbin6, next: 60, payload: ext(protoUDP, 24, udp(443, 5555, 1400))}.frame(),
		v6{src: server6, dst: harbin6, next: 44, payload: fragment(protoUDP, 0, udp(443, 5555, 1400))}.frame(),
		v4{src: server4, dst: harbin4, proto: protoUDP, options: make([]byte, 40), payload: udp(443, 5555, 1400)}.frame(),
	} {
		f.Add(frame, uint16(0))
		f.Add(frame, uint16(600))
	}
	f.Fuzz(func(t *testing.T, frame []byte, segment uint16) {
		if len(frame) < 15 || len(frame) > 3000 {
			return // a test run takes no such frame
		}
		for _, hook := range []string{"ingress", "egress"} {
			verdict, out, err := b.try(hook, frame, gso{uint32(segment), min(uint32(segment), 2)})
			if errors.Is(err, unix.EINVAL) {
				return // a test run takes no such frame
			}
			if err != nil {
				t.Fatalf("%s: %v", hook, err)
			}
			checkVerdict(t, hook, frame, verdict, out)
		}
	})
}

func checkVerdict(t *testing.T, hook string, frame []byte, verdict bpf.DataplaneVerdict, out []byte) {
	t.Helper()
	switch {
	case verdict == next:
		if !slices.Equal(out, frame) {
			t.Errorf("%s changed a frame that goes on", hook)
		}
	case hook == "egress" && verdict == drop:
	case hook == "egress" && verdict == redirect:
		// The headers of the frame, behind an IP and an ICMP header.
		if n := len(out); n < 14+28+28 || n > 14+48+128 {
			t.Errorf("an error of %d bytes", n)
		}
	default:
		t.Errorf("%s returned %d", hook, verdict)
	}
}
