package link

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"
)

const never = time.Duration(math.MaxInt64)

func TestPacketsArriveAfterTheDelay(t *testing.T) {
	l := newLab(t, 1, Settings{Up: Path{Delay: 10 * time.Millisecond}, Down: Path{Delay: 30 * time.Millisecond}})
	up, down := datagram(t, port(client4, 5000), port(edge4, 443), 100), datagram(t, port(edge6, 443), port(client6, 5000), 200)
	l.send(time.Second, Up, up)
	l.send(time.Second, Down, down)
	for d, want := range map[Direction]arrival{Up: {time.Second + 10*time.Millisecond, false, up}, Down: {time.Second + 30*time.Millisecond, false, down}} {
		if got := l.collect(d, want.at-1); len(got) != 0 {
			t.Errorf("%s: early: %v", d, got)
		}
		if got := l.collect(d, want.at); len(got) != 1 || got[0].at != want.at || !slices.Equal(got[0].bytes, want.bytes) {
			t.Errorf("%s: %v", d, got)
		}
	}
}

func TestJitterKeepsTheOrder(t *testing.T) {
	l := newLab(t, 1, Settings{Down: Path{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond}})
	for i := range 1000 {
		l.send(time.Duration(i)*time.Millisecond, Down, datagram(t, port(edge4, 443), port(client4, uint16(1000+i)), 100))
	}
	got := l.collect(Down, never)
	if len(got) != 1000 {
		t.Fatalf("%d packets", len(got))
	}
	var spread []time.Duration
	for i, a := range got {
		sent := time.Duration(i) * time.Millisecond
		if want := uint16(1000 + i); uint16(a.bytes[22])<<8|uint16(a.bytes[23]) != want {
			t.Fatalf("packet %d came out of order", i)
		}
		spread = append(spread, a.at-sent)
	}
	if least, most := slices.Min(spread), slices.Max(spread); least < 10*time.Millisecond || most > 30*time.Millisecond || most-least < 5*time.Millisecond {
		t.Errorf("delays from %s to %s", least, most)
	}
}

// fates sends packets of a size and says which came through.
func fates(t *testing.T, l lab, d Direction, count, size int) []bool {
	t.Helper()
	packet := datagram(t, port(client4, 5000), port(edge4, 443), size)
	if d == Down {
		packet = datagram(t, port(edge4, 443), port(client4, 5000), size)
	}
	passed := make([]bool, count)
	for i := range passed {
		l.send(0, d, packet)
		passed[i] = len(l.collect(d, never)) == 1
	}
	return passed
}

func lostShare(passed []bool) float64 {
	lost := 0
	for _, ok := range passed {
		if !ok {
			lost++
		}
	}
	return float64(lost) / float64(len(passed))
}

func TestLossHasItsRate(t *testing.T) {
	tests := map[string]struct {
		path   Path
		size   int
		reason Reason
		want   float64
	}{
		"none":                       {Path{}, 1400, Random, 0},
		"random":                     {Path{Loss: 0.021}, 1400, Random, 0.021},
		"random, much":               {Path{Loss: 0.087}, 100, Random, 0.087},
		"bursts":                     {Path{Burst: Bursts(0.05, 4)}, 1400, Bursty, 0.05},
		"above a size":               {Path{Large: Large{1412, 0.013}}, 1413, Size, 0.013},
		"above a size, at that size": {Path{Large: Large{1412, 0.013}}, 1412, Size, 0},
		"larger than the mtu":        {Path{MTU: 1380}, 1381, MTU, 1},
		"at the mtu":                 {Path{MTU: 1380}, 1380, MTU, 0},
	}
	const count = 40_000
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 7, Settings{Down: tt.path})
			got := lostShare(fates(t, l, Down, count, tt.size))
			if allowed := 5 * math.Sqrt(tt.want*(1-tt.want)*4/count); math.Abs(got-tt.want) > allowed { // 4: bursts spread more
				t.Errorf("lost %.4f, want %.4f within %.4f", got, tt.want, allowed)
			}
			if c := l.Counters(Down); c.Packets != count || c.Lost[tt.reason] != c.Lost.All() || c.Carried+c.Lost.All() != count {
				t.Errorf("counters: %+v", c)
			}
		})
	}
}

func TestBurstsHaveTheirLength(t *testing.T) {
	passed := fates(t, newLab(t, 3, Settings{Up: Path{Burst: Bursts(0.05, 4)}}), Up, 40_000, 100)
	bursts, lost := 0, 0
	for i, ok := range passed {
		if !ok {
			lost++
			if i == 0 || passed[i-1] {
				bursts++
			}
		}
	}
	if mean := float64(lost) / float64(bursts); mean < 3.5 || mean > 4.5 {
		t.Errorf("a burst has %.2f packets on average, want 4", mean)
	}
}

func TestFateDependsOnSeedLinkDirectionAndNumberAlone(t *testing.T) {
	s := Settings{Up: Path{Loss: 0.3}, Down: Path{Loss: 0.3}}
	first := fates(t, newLab(t, 1, s), Down, 500, 1000)
	if again := fates(t, newLab(t, 1, s), Down, 500, 1000); !slices.Equal(first, again) {
		t.Error("the same seed gave other losses")
	}
	busy := newLab(t, 1, s)
	fates(t, busy, Up, 77, 200)
	if beside := fates(t, busy, Down, 500, 300); !slices.Equal(first, beside) {
		t.Error("other sizes and packets of the other direction changed the losses")
	}
	if other := fates(t, newLab(t, 2, s), Down, 500, 1000); slices.Equal(first, other) {
		t.Error("another seed gave the same losses")
	}
	if other := fates(t, newLab(t, 1, s), Up, 500, 1000); slices.Equal(first, other) {
		t.Error("the other direction had the same losses")
	}
	n, err := New(1, []Class{{Name: "11/CMCC", Prefixes: everyone, Settings: s}})
	if err != nil {
		t.Fatal(err)
	}
	if other := fates(t, lab{n, n.Link("11/CMCC")}, Down, 500, 1000); slices.Equal(first, other) {
		t.Error("another link had the same losses")
	}
}

func TestRateSpacesPacketsAndTheQueueIsBounded(t *testing.T) {
	l := newLab(t, 1, Settings{Down: Path{Rate: 1_000_000, Queue: 5000, Delay: 5 * time.Millisecond}})
	packet := datagram(t, port(edge4, 443), port(client4, 5000), 1250) // 10 ms at 1 Mbit/s
	for range 10 {
		l.send(0, Down, packet)
	}
	got := l.collect(Down, never)
	if len(got) != 4 || l.Counters(Down).Lost[Queue] != 6 {
		t.Fatalf("%d passed a queue of four packets, lost %v", len(got), l.Counters(Down).Lost)
	}
	for i, a := range got {
		if want := time.Duration(i+1)*10*time.Millisecond + 5*time.Millisecond; a.at != want {
			t.Errorf("packet %d at %s, want %s", i, a.at, want)
		}
	}
	l.send(25*time.Millisecond, Down, packet) // two have left, the third has half of its time to go
	if got := l.collect(Down, never); len(got) != 1 || got[0].at != 55*time.Millisecond {
		t.Errorf("after the queue has drained: %v", got)
	}
}

func TestChangeHoldsForPacketsThatComeLater(t *testing.T) {
	l := newLab(t, 1, Settings{Down: Path{MTU: 1500, Delay: time.Second}})
	packet := datagram(t, port(edge4, 443), port(client4, 5000), 1400)
	l.send(0, Down, packet)
	if err := l.Change(func(s *Settings) { s.Down.MTU = 1300 }); err != nil {
		t.Fatal(err)
	}
	l.send(1, Down, packet)
	if got := l.collect(Down, never); len(got) != 1 || l.Counters(Down).Lost[MTU] != 1 {
		t.Errorf("%d passed, lost %v", len(got), l.Counters(Down).Lost)
	}
	if err := l.Change(func(s *Settings) { s.Down.Loss = 2 }); err == nil || l.Settings().Down.Loss != 0 {
		t.Errorf("a loss of 2 was taken: %v", err)
	}
}

func TestOversizedDatagramsAreCountedByConnection(t *testing.T) {
	l := newLab(t, 1, Settings{Down: Path{MTU: 1500, Large: Large{1412, 0.5}}})
	for _, p := range []struct {
		port uint16
		size int
	}{{1, 1412}, {1, 1413}, {1, 1450}, {2, 1500}, {1, 1413}, {3, 900}} {
		l.send(0, Down, datagram(t, port(edge4, 443), port(client4, p.port), p.size))
	}
	l.send(0, Down, segment(t, port(edge4, 443), port(client4, 9), 1500))
	c := l.Counters(Down)
	if c.OversizeFirst != 2 || c.OversizeAfter != 2 || c.UDP != 6 || c.TCP != 1 || c.Bytes != 1412+1413+1450+1500+1413+900+1500 {
		t.Errorf("%+v", c)
	}
}

func TestTheEmulatorHoldsABoundedNumberOfPackets(t *testing.T) {
	l := newLab(t, 1, Settings{Up: Path{Delay: time.Hour}})
	packet := datagram(t, port(client4, 5000), port(edge4, 443), 60)
	for range lineLimit + 10 {
		l.send(0, Up, packet)
	}
	if c := l.Counters(Up); c.Lost[Overflow] != 10 || c.Carried != lineLimit {
		t.Errorf("%+v", c)
	}
}

func TestStrangersAreNotForwarded(t *testing.T) {
	l := newLab(t, 1, Settings{})
	for _, b := range [][]byte{datagram(t, port(edge4, 1), port(edge4, 443), 100), {0x45}, {}, make([]byte, 100)} {
		l.send(0, Up, b)
	}
	if got := l.collect(Up, never); len(got) != 0 || l.Strange() != 4 {
		t.Errorf("%v, %d strange", got, l.Strange())
	}
}

func TestDatagramsAreWatchedLostOrNot(t *testing.T) {
	l := newLab(t, 1, Settings{Down: Path{MTU: 1000}})
	type seen struct {
		d      Direction
		client netip.AddrPort
		size   int
	}
	var got []seen
	l.Link.Watch(func(d Direction, client netip.AddrPort, size int) { got = append(got, seen{d, client, size}) })
	l.send(0, Up, datagram(t, port(client4, 5000), port(edge4, 443), 300))
	l.send(0, Down, datagram(t, port(edge6, 443), port(client6, 5001), 1200))
	want := []seen{{Up, port(client4, 5000), 300}, {Down, port(client6, 5001), 1200}}
	if !slices.Equal(got, want) {
		t.Errorf("saw %v, want %v", got, want)
	}
}
