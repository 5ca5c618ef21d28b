package e2e

import (
	"bytes"
	"crypto/rand"
	"testing"

	"quicedge/internal/netnstest"
)

// frameRoom is what the frames of a packet may have.
const frameRoom = 1150

// peltPackets is how many packets one connection sends.
const peltPackets = 2000

// TestFloodsOfFramesAreBounded sends packets full of frames that make a server keep or say something, and never acknowledges what it says.
func TestFloodsOfFramesAreBounded(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a client here is no *net.UDPConn
	n, world := flooded(t)
	if err := visit(t, world); err != nil {
		t.Fatal(err)
	}
	before := n.memory("VmRSS")
	for name, frame := range map[string]func(i int) []byte{
		"PATH_CHALLENGE":                     func(int) []byte { return withRandom([]byte{0x1a}, 8) },
		"NEW_CONNECTION_ID":                  func(i int) []byte { return newConnectionID(1+i, 0) },
		"NEW_CONNECTION_ID that retire":      func(i int) []byte { return newConnectionID(1+i, 1+i) },
		"PING":                               func(int) []byte { return []byte{1} },
		"RESET_STREAM":                       func(i int) []byte { return varint(varint(varint([]byte{4}, 4*(i%100+1)), 0), 0) },
		"streams of one byte":                func(i int) []byte { return append(varint([]byte{0x0a}, 4*i+4), 0x40, 1, 'x') },
		"pieces of one stream, with gaps":    func(i int) []byte { return append(varint(varint([]byte{0x0e}, 4), 2*i), 0x40, 1, 'x') },
		"CRYPTO with gaps":                   func(i int) []byte { return append(varint([]byte{6}, 2*i+1), 0x40, 1, 'x') },
		"MAX_STREAM_DATA of streams to come": func(i int) []byte { return varint(varint([]byte{0x11}, 4*(i%100+1)), i) },
	} {
		t.Run(name, func(t *testing.T) {
			sent, answers := 0, 0
			for range times(1, 50) { // connections: the node closes most before the end
				s, a := n.pelt(t, world, frame)
				sent, answers = sent+s, answers+a
			}
			if err := visit(t, world); err != nil {
				t.Errorf("another client: %v", err)
			}
			grown := n.memory("VmHWM") - before
			t.Logf("%d frames, %d datagrams of the node; its memory has grown by %d MiB at most", sent, answers, grown>>20)
			if grown > mostGrown {
				t.Errorf("the node's memory has grown by %d MiB", grown>>20)
			}
		})
	}
}

// pelt sends packets full of a frame on one connection, while others come, and returns how many frames and how many answers there were.
func (n *node) pelt(t *testing.T, world netnstest.NS, frame func(i int) []byte) (sent, answers int) {
	t.Helper()
	r := newRaw(t, world)
	defer r.visitor.leave()
	var frames []byte
	for i := range peltPackets {
		for frames = frames[:0]; len(frames) < frameRoom; sent++ {
			frames = append(frames, frame(sent)...)
		}
		if err := r.send(frames); err != nil {
			t.Fatal(err)
		}
		if i%(peltPackets/4) == 0 {
			if err := visit(t, world); err != nil {
				t.Errorf("another client, after %d packets: %v", i, err)
			}
		}
	}
	n.until("the node answers, so that it has understood", func() bool { return r.answers() > 0 })
	return sent, r.answers()
}

func withRandom(b []byte, n int) []byte {
	random := make([]byte, n)
	rand.Read(random) // never fails
	return append(b, random...)
}

// newConnectionID is a frame of RFC 9000, section 19.15.
func newConnectionID(sequence, retirePriorTo int) []byte {
	const idLen, tokenLen = 8, 16
	frame := append(varint(varint([]byte{0x18}, sequence), retirePriorTo), idLen)
	return withRandom(bytes.Clone(frame), idLen+tokenLen)
}
