package measure

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"quicedge/internal/class"
)

var (
	gansu = class.Of(62, class.CMCC)
	start = time.Unix(1_700_000_000, 0)
)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestFewSamplesAreNoValue(t *testing.T) {
	e := New(Config{})
	for range 19 {
		e.RTT(gansu, 30*time.Millisecond, start)
		e.Loss(gansu, 52, 4, start)
		e.Handshakes(gansu, 0, 1, start)
	}
	r := e.Class(gansu, start)
	if r.RTT.Known || r.LossRate.Known || r.FailureRate.Known || r.HandshakeRTT.Known {
		t.Errorf("known by 19 samples, 988 packets: %+v", r)
	}
	e.RTT(gansu, 30*time.Millisecond, start)
	e.Loss(gansu, 12, 0, start)
	e.Handshakes(gansu, 1, 0, start)
	e.HandshakeRTT(gansu, 2*time.Second, 20, start)
	r = e.Class(gansu, start)
	for name, v := range map[string]struct {
		got  Value
		want float64
	}{"rtt": {r.RTT, 0.03}, "handshake rtt": {r.HandshakeRTT, 0.1}, "loss": {r.LossRate, 0.076}, "failures": {r.FailureRate, 0.95}} {
		if !v.got.Known || !near(v.got.Value, v.want) {
			t.Errorf("%s: %+v, want %v", name, v.got, v.want)
		}
	}
	if other := e.Class(class.Of(53, class.CMCC), start); other != (Reading{}) {
		t.Errorf("another class has %+v", other)
	}
}

func TestASampleCountsHalfAfterAHalfLife(t *testing.T) {
	e := New(Config{HalfLife: 10 * time.Second, MinPackets: 1})
	e.Loss(gansu, 1000, 100, start)
	e.Loss(gansu, 500, 0, at(10))
	if got := e.Class(gansu, at(10)).LossRate; !near(got.Value, 0.05) || !near(got.Samples, 1000) {
		t.Errorf("got %+v, want 50 of 1000", got)
	}
}

func TestValuesFollowAChangeAndExpire(t *testing.T) {
	e := New(Config{})
	for i := range 600 { // 7 % and then 2 %, 100 packets a second
		e.Loss(gansu, 100, map[bool]uint64{true: 7, false: 2}[i < 300], at(float64(i)))
	}
	got := e.Class(gansu, at(599))
	if math.Abs(got.LossRate.Value-0.02) > 0.002 { // five half-lives leave 1/32 of the difference
		t.Errorf("five minutes after the change: %+v", got.LossRate)
	}
	silent := e.Class(gansu, at(599+299))
	if !silent.LossRate.Known || silent.LossRate.Value != got.LossRate.Value || silent.LossRate.Age != 299*time.Second {
		t.Errorf("after 299 s of silence: %+v", silent.LossRate)
	}
	if gone := e.Class(gansu, at(599+301)).LossRate; gone.Known {
		t.Errorf("after 301 s of silence: %+v", gone)
	}
	e.Loss(gansu, 100, 50, at(599+302))
	if again := e.Class(gansu, at(599+302)).LossRate; again.Known || !near(again.Value, 0.5) {
		t.Errorf("the first sample after it expired: %+v", again)
	}
}

func TestAValueAroundTheLeastNumberOfSamplesStaysKnown(t *testing.T) {
	e := New(Config{})
	changes, known := 0, false
	now := 0.0
	for i := range 2000 { // a sample every 4.3 s keeps the weight at 20; two close ones and two far ones move it about that
		now += 3.3 + 2*float64(i/2%2)
		e.RTT(gansu, 50*time.Millisecond, at(now))
		if now := e.Class(gansu, at(now)).RTT.Known; now != known {
			changes, known = changes+1, now
		}
	}
	if changes > 1 {
		t.Errorf("came and went %d times", changes)
	}
}

func TestNonsenseIsNoSample(t *testing.T) {
	e := New(Config{MinSamples: 1, MinPackets: 1})
	e.RTT(gansu, 0, start)
	e.RTT(gansu, -time.Second, start)
	e.RTT(gansu, time.Hour, start)
	e.HandshakeRTT(gansu, time.Second, 0, start)
	e.HandshakeRTT(gansu, time.Hour, 3, start)
	e.Loss(gansu, 0, 0, start)
	e.Handshakes(gansu, 0, 0, start)
	e.RTT(class.Max, time.Second, start)
	e.Loss(65535, 10, 1, start)
	if got := e.Class(gansu, start); got != (Reading{}) {
		t.Errorf("got %+v", got)
	}
	if got := e.Class(65535, start); got != (Reading{}) {
		t.Errorf("a number that no class has: %+v", got)
	}
}

func TestNoInputMakesAValueThatIsNone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	e := New(Config{MinSamples: 1, MinPackets: 1})
	now := start
	for range 100_000 {
		now = now.Add(time.Duration(random.Int64N(int64(4*time.Minute)) - int64(time.Minute))) // clocks are set back, too
		n := random.Uint64() >> random.IntN(64)
		e.RTT(gansu, time.Duration(random.Uint64()), now)
		e.HandshakeRTT(gansu, time.Duration(random.Uint64()), n, now)
		e.Loss(gansu, n, random.Uint64()>>random.IntN(64), now)
		e.Handshakes(gansu, n, random.Uint64()>>random.IntN(64), now)
		r := e.Class(gansu, now)
		for _, v := range []Value{r.RTT, r.HandshakeRTT, r.LossRate, r.FailureRate} {
			if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) || v.Value < 0 || v.Age < 0 {
				t.Fatalf("got %+v", r)
			}
		}
		if r.LossRate.Value > 1 || r.FailureRate.Value > 1 || r.RTT.Value > 60 || r.HandshakeRTT.Value > 60 {
			t.Fatalf("got %+v", r)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e := New(Config{})
	if n := testing.AllocsPerRun(100, func() {
		e.RTT(gansu, time.Millisecond, start)
		e.HandshakeRTT(gansu, time.Millisecond, 1, start)
		e.Loss(gansu, 10, 1, start)
		e.Handshakes(gansu, 1, 0, start)
		e.Class(gansu, start)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// One connection's report a poll.
func BenchmarkSample(b *testing.B) {
	e := New(Config{})
	now := start
	for b.Loop() {
		now = now.Add(time.Millisecond)
		e.RTT(gansu, 40*time.Millisecond, now)
		e.Loss(gansu, 100, 3, now)
	}
}
