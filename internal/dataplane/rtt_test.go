package dataplane

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// in and out are datagrams of a handshake, from the client and to it.
type (
	in  []byte
	out []byte
)

// A handshake is timed once, between the server's first packet and the client's first answer to it.
func TestHandshakesAreTimedOnce(t *testing.T) {
	first := in(long(initial, quic1, cidA, nil, 1200))
	answer := in(long(initial, quic1, cidB, nil, 1200))
	accept := out(long(initial, quic1, nil, cidB, 1200))
	b := newBench(t, testSnapshot(t), false)
	for _, c := range []struct {
		name    string
		packets []any
		samples uint64
	}{
		{"initial, initial, initial", []any{first, accept, answer}, 1},
		{"answered by a handshake packet", []any{first, accept, in(long(handshaking, quic1, cidB, nil, 100))}, 1},
		{"version 2", []any{in(long(initial, quic2, cidA, nil, 1200)), out(long(initial, quic2, nil, cidB, 1200)), in(long(handshaking, quic2, cidB, nil, 100))}, 1},
		{"answered by more than one packet", []any{first, accept, answer, answer, in(long(handshaking, quic1, cidB, nil, 100))}, 1},
		{"0-rtt in between", []any{first, in(long(zeroRTT, quic1, cidA, nil, 1000)), accept, in(long(zeroRTT, quic1, cidA, nil, 1000)), answer}, 1},
		{"initial sent again before the answer", []any{first, first, accept, first, answer}, 1},
		{"server's packets sent again", []any{first, accept, accept, out(long(handshaking, quic1, nil, cidB, 800)), answer}, 1},
		{"behind a retry, by the retry", []any{first, out(long(retry, quic1, nil, cidC, 100)), in(long(initial, quic1, cidC, nil, 1200))}, 1},
		{"client with a connection id of its own", []any{in(long(initial, quic1, cidA, cidC, 1200)), out(long(initial, quic1, cidC, cidB, 1200)), in(long(initial, quic1, cidB, cidC, 1200))}, 1},
		{"longest connection ids", []any{
			in(long(initial, quic1, bytes.Repeat([]byte{1}, 20), bytes.Repeat([]byte{2}, 20), 1200)),
			out(long(initial, quic1, bytes.Repeat([]byte{2}, 20), bytes.Repeat([]byte{3}, 20), 1200)),
			in(long(handshaking, quic1, bytes.Repeat([]byte{3}, 20), bytes.Repeat([]byte{2}, 20), 60)),
		}, 1},
		{"two connections of one port", []any{
			first, accept, answer,
			in(long(initial, quic1, cidC, nil, 1200)), out(long(initial, quic1, nil, cidA, 1200)), in(long(initial, quic1, cidA, nil, 1200)),
		}, 2},
		{"new connection before the old one was answered", []any{first, in(long(initial, quic1, cidC, nil, 1200)), accept, answer}, 1},
		{"answer to another id of the server's", []any{first, accept, in(long(handshaking, quic1, cidD, nil, 100)), in(long(initial, quic1, cidD, nil, 1200))}, 1},
		{"behind a retry, all of it", []any{
			first, out(long(retry, quic1, nil, cidC, 100)), in(long(initial, quic1, cidC, nil, 1200)),
			accept, answer, in(long(handshaking, quic1, cidD, nil, 100)), in(long(handshaking, quic1, cidB, nil, 100)),
		}, 1},
		{"server that takes the client's id for its own", []any{first, out(long(initial, quic1, nil, cidA, 1200)), in(long(handshaking, quic1, cidB, nil, 100))}, 0},
		{"unanswered", []any{first, accept}, 0},
		{"answer to the first id", []any{first, accept, first}, 0},
		{"answer to an id of another length", []any{first, accept, in(long(handshaking, quic1, cidC, nil, 100))}, 0},
		{"answer to the beginning of the id", []any{first, accept, in(long(handshaking, quic1, cidB[:7], nil, 100))}, 0},
		{"server with an id that can be guessed", []any{first, out(long(initial, quic1, nil, []byte{1, 2, 3}, 1200)), in(long(initial, quic1, []byte{1, 2, 3}, nil, 1200))}, 0},
		{"server without an id", []any{first, out(long(initial, quic1, nil, nil, 1200)), in(long(initial, quic1, nil, nil, 1200))}, 0},
		{"no initial before", []any{accept, answer}, 0},
		{"handshake packet first", []any{in(long(handshaking, quic1, cidA, nil, 1200)), accept, answer}, 0},
		{"initial that is screened", []any{in(long(initial, quic1, cidA, nil, 1199)), accept, in(long(handshaking, quic1, cidB, nil, 100))}, 0},
		{"server's first packet too large to leave", []any{first, out(long(initial, quic1, nil, cidB, 1400)), in(long(handshaking, quic1, cidB, nil, 100))}, 0},
		{"version negotiation", []any{first, out(long(initial, 0, nil, cidB, 60)), in(long(handshaking, quic1, cidB, nil, 100))}, 0},
		{"another version", []any{in(long(initial, 0x1a2a3a4a, cidA, nil, 1200)), out(long(initial, 0x1a2a3a4a, nil, cidB, 1200)), in(long(handshaking, 0x1a2a3a4a, cidB, nil, 100))}, 0},
		{"connection id longer than its packet", []any{first, out(long(initial, quic1, nil, make([]byte, 20), 20)), answer}, 0},
		{"connection id longer than quic has", []any{first, out(long(initial, quic1, nil, make([]byte, 21), 1200)), answer}, 0},
		{"short headers", []any{first, accept, in(append([]byte{0x40}, cidB...)), out(short(40))}, 0},
	} {
		for _, client := range []netip.Addr{harbin4, harbin6} {
			t.Run(c.name+" "+client.String(), func(t *testing.T) {
				b.forgetHandshakes(t)
				for _, p := range c.packets {
					switch p := p.(type) {
					case in:
						b.run(t, "ingress", clientSends(client, p), gso{})
					case out:
						b.run(t, "egress", serverSends(client, p), gso{})
					}
				}
				checkRTT(t, b, c.samples)
			})
		}
	}
}

// checkRTT expects samples of Heilongjiang, and nothing else.
func checkRTT(t *testing.T, b *bench, samples uint64) {
	t.Helper()
	s, err := b.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if samples == 0 {
		if len(s.RTT) > 0 {
			t.Errorf("%+v: want no sample", s.RTT)
		}
		return
	}
	if len(s.RTT) != 1 || s.RTT[0].Class != heilongjiang || s.RTT[0].Samples != samples {
		t.Fatalf("%+v: want %d samples of Heilongjiang", s.RTT, samples)
	}
	var sum uint64
	for _, n := range s.RTT[0].Buckets {
		sum += n
	}
	if sum != samples {
		t.Errorf("%v: want %d in all buckets", s.RTT[0].Buckets, samples)
	}
}

// What a handshake took is counted in the bucket that it belongs to.
func TestHandshakesFallIntoTheirBuckets(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	for _, took := range []time.Duration{0, 50 * time.Microsecond, 20 * time.Millisecond, 3 * time.Second, 50 * time.Minute, 100 * time.Hour} {
		b.forgetHandshakes(t)
		b.run(t, "ingress", clientSends(harbin4, long(initial, quic1, cidA, nil, 1200)), gso{})
		b.run(t, "egress", serverSends(harbin4, long(initial, quic1, nil, cidB, 1200)), gso{})
		b.backdate(t, took)
		b.run(t, "ingress", clientSends(harbin4, long(handshaking, quic1, cidB, nil, 100)), gso{})
		s, err := b.Stats()
		if err != nil || len(s.RTT) != 1 || s.RTT[0].Samples != 1 {
			t.Fatalf("%v: %+v, %v", took, s.RTT, err)
		}
		got := s.RTT[0]
		if got.Sum < took {
			t.Errorf("took %v, counted %v", took, got.Sum)
		}
		want := max(0, min(bits.Len64(uint64(got.Sum.Microseconds()))-1, rttBuckets-1))
		if slices.Index(got.Buckets[:], 1) != want {
			t.Errorf("%v is counted in %v, want bucket %d", got.Sum, got.Buckets, want)
		}
	}
}

// backdate lets the server's answers have left earlier.
func (b *bench) backdate(t *testing.T, by time.Duration) {
	t.Helper()
	for _, f := range b.flows(t) {
		var h bpf.DataplaneHandshake
		if err := b.maps.Handshakes.Lookup(f, &h); err != nil {
			t.Fatal(err)
		}
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			t.Fatal(err)
		}
		h.AnsweredNs = uint64(now.Nano()) - uint64(by)
		if err := b.maps.Handshakes.Put(f, h); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) flows(t *testing.T) (all []bpf.DataplaneFlow) {
	t.Helper()
	var f bpf.DataplaneFlow
	var h bpf.DataplaneHandshake
	it := b.maps.Handshakes.Iterate()
	for it.Next(&f, &h) {
		all = append(all, f)
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// forgetHandshakes drops what is known of Heilongjiang's.
func (b *bench) forgetHandshakes(t *testing.T) {
	t.Helper()
	if err := b.maps.Rtt.Put(uint32(heilongjiang), make([]bpf.DataplaneRttHistogram, ebpf.MustPossibleCPU())); err != nil {
		t.Fatal(err)
	}
	for _, f := range b.flows(t) {
		if err := b.maps.Handshakes.Delete(f); err != nil {
			t.Fatal(err)
		}
	}
}

// Who forges answers, not knowing what the server has called itself, adds no more samples than others do, and a few.
func TestForgedAnswersAreBelievedSeldom(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	connect := func(port uint16, answer []byte) {
		t.Helper()
		for _, p := range []struct {
			hook    string
			sport   int
			payload []byte
		}{
			{"ingress", 34, long(initial, quic1, cidA, nil, 1200)},
			{"egress", 36, long(initial, quic1, nil, cidB, 1200)},
			{"ingress", 34, long(handshaking, quic1, answer, nil, 100)},
		} {
			frame := clientSends(harbin4, p.payload)
			if p.hook == "egress" {
				frame = serverSends(harbin4, p.payload)
			}
			binary.BigEndian.PutUint16(frame[p.sport:], port)
			b.run(t, p.hook, frame, gso{})
		}
	}
	samples := func() uint64 {
		s, err := b.Stats()
		if err != nil || len(s.RTT) != 1 {
			t.Fatal(s.RTT, err)
		}
		return s.RTT[0].Samples
	}
	ahead := uint64(16 * ebpf.MustPossibleCPU())
	for port := range uint16(200) {
		connect(10_000+port, cidD)
	}
	if got := samples(); got < 16 || got > ahead {
		t.Errorf("%d of 200 forged answers are believed, want 16 on each CPU at most", got)
	}
	for port := range uint16(200) {
		connect(20_000+port, cidB)
	}
	if got := samples(); got < 200+16 || got > 200+ahead {
		t.Errorf("%d samples after 200 answers that prove themselves", got)
	}
	for port := range uint16(500) {
		connect(30_000+port, cidD)
	}
	if got := samples(); got > 400+ahead {
		t.Errorf("%d samples, 200 of which have proved themselves: too many forged ones are believed", got)
	}
}

// A flood of forged Initials takes no memory, and gives no sample; what it can do is that handshakes go untimed.
func TestForgedInitialsTakeNoMemory(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	room := int(b.maps.Handshakes.MaxEntries())
	frame := clientSends(harbin4, long(initial, quic1, cidA, nil, 1200))
	for i := range room + room/2 {
		binary.BigEndian.PutUint32(frame[26:], 0xc6336400+uint32(i&0xff)) // 198.51.100.0/24
		binary.BigEndian.PutUint16(frame[34:], uint16(i>>8))
		b.run(t, "ingress", frame, gso{})
	}
	if n := len(b.flows(t)); n > room || n < room/2 {
		t.Errorf("%d handshakes are kept, want %d at most, and not many less", n, room)
	}
	checkRTT(t, b, 0)
	for _, p := range []struct {
		hook  string
		frame []byte
	}{
		{"ingress", clientSends(harbin4, long(initial, quic1, cidA, nil, 1200))},
		{"egress", serverSends(harbin4, long(initial, quic1, nil, cidB, 1200))},
		{"ingress", clientSends(harbin4, long(initial, quic1, cidB, nil, 1200))},
	} {
		b.run(t, p.hook, p.frame, gso{})
	}
	checkRTT(t, b, 1) // and the next handshake is timed as ever
}
