package path

import (
	"encoding/json"
	"math"
	"net/netip"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

func TestACKPolicyFollowsRTTAndLoss(t *testing.T) {
	const ms = time.Millisecond
	none := Loss{}
	for _, tt := range []struct {
		rtt  time.Duration
		loss Loss
		want ACK
	}{
		{0, none, ACK{3, 25 * ms, 2}},
		{0, LossOf(0), ACK{3, 25 * ms, 2}},
		{-ms, none, ACK{3, 25 * ms, 2}},
		{80 * ms, none, ACK{3, 20 * ms, 2}}, // an unknown loss may be a high one
		{100 * time.Microsecond, LossOf(0), ACK{2, 100 * time.Microsecond, 2}},
		{3 * ms, LossOf(0), ACK{2, 3 * ms, 2}},
		{19 * ms, LossOf(0), ACK{2, 5 * ms, 2}},
		{20 * ms, LossOf(0), ACK{3, 5 * ms, 4}},
		{59 * ms, LossOf(0.0199), ACK{3, 14 * ms, 4}},
		{59 * ms, LossOf(0.02), ACK{3, 14 * ms, 2}},
		{60 * ms, LossOf(0.001), ACK{3, 15 * ms, 10}},
		{100 * ms, LossOf(0), ACK{3, 25 * ms, 10}},
		{101 * ms, LossOf(0), ACK{4, 25 * ms, 10}},
		{400 * ms, LossOf(0.087), ACK{4, 25 * ms, 2}},
	} {
		if got := PolicyFor(tt.rtt, tt.loss); got != tt.want {
			t.Errorf("rtt %s, loss %.4f: %+v, want %+v", tt.rtt, tt.loss.Ratio(), got, tt.want)
		}
	}
}

func TestEveryRoundTripHasAnACK(t *testing.T) {
	for rtt := time.Microsecond; rtt < 2*time.Second; rtt = rtt*11/10 + time.Microsecond {
		for _, loss := range []Loss{{}, LossOf(0), LossOf(0.01), LossOf(0.09)} {
			a := PolicyFor(rtt, loss)
			if a.MaxDelay > rtt || a.MaxDelay <= 0 || a.MaxDelay > longestDelay || a.Exponent < 2 || a.Exponent > 4 || a.Threshold < 2 {
				t.Fatalf("rtt %s, loss %.2f: %+v", rtt, loss.Ratio(), a)
			}
		}
	}
}

func TestKeepAliveComesBeforeTheNATForgets(t *testing.T) {
	for nat, want := range map[time.Duration][2]time.Duration{
		0:                      {20 * time.Second, time.Minute},
		30 * time.Second:       {20 * time.Second, time.Minute},
		time.Second:            {666 * time.Millisecond, time.Minute},
		2 * time.Minute:        {80 * time.Second, 4 * time.Minute},
		100 * time.Millisecond: {66 * time.Millisecond, time.Minute},
	} {
		p := New(Known{MTU: mtu.Effective{MTU: 1500}, NATTimeout: nat})
		if p.KeepAlive != want[0] || p.IdleTimeout != want[1] {
			t.Errorf("nat %s: keep-alive %s, idle timeout %s; want %s", nat, p.KeepAlive, p.IdleTimeout, want)
		}
	}
}

func TestOnlyWhatIsProvenIsStartedWith(t *testing.T) {
	csv, byDefault := mtu.SourceCSV, mtu.SourceDefault
	for _, tt := range []struct {
		name    string
		mtu     uint16
		source  mtu.Source
		proven  uint16
		probing bool
		initial uint16
		search  bool
	}{
		{"nothing proven", 1420, csv, 0, false, 1200, true},
		{"proven", 1420, csv, 1420, false, 1372, false},
		{"less proven than the table says", 1420, csv, 1300, false, 1252, true},
		{"as much less as a search may end below it", 1420, csv, 1399, false, 1351, false},
		{"more proven than the table says", 1420, csv, 1500, false, 1372, false},
		{"tried again", 1420, csv, 1300, true, 1252, true},
		{"proven under what QUIC needs", 1420, csv, 1247, false, 1200, true},
		{"a default that is proven", 1500, byDefault, 1489, false, 1441, true},
		{"a jumbo frame", 9000, csv, 9000, false, 1452, false},
	} {
		p := New(Known{MTU: mtu.Effective{MTU: tt.mtu, Source: tt.source}, Proven: tt.proven, Probing: tt.probing})
		if p.Initial != tt.initial || p.Search != tt.search || p.MTU != tt.mtu || p.Budget != tt.mtu-48 {
			t.Errorf("%s: %+v", tt.name, p)
		}
	}
}

func TestLossIsKeptToAHundredthOfAPercent(t *testing.T) {
	for ratio, want := range map[float64]uint16{0: 10_000, 0.065: 9350, 0.00001: 10_000, 0.9999: 1, 1: 0, -0.1: 0, 1.1: 0, math.Inf(1): 0} {
		l := LossOf(ratio)
		if l.Delivered() != want || l.Known() != (want > 0) || l != LossOfDelivered(want) {
			t.Errorf("%v: %+v, want %d delivered", ratio, l, want)
		}
	}
	if LossOf(math.NaN()).Known() || LossOfDelivered(10_001).Known() {
		t.Error("what is no share of packets is known as one")
	}
}

func TestAnswerSaysWhatIsUnknown(t *testing.T) {
	m := Match{Addr: netip.MustParseAddr("192.0.2.1"), Class: class.Of(62, class.CMCC)}
	for want, p := range map[string]Profile{
		`"proven":0,"probing":false,"ack":{"exponent":3,"max_delay_ms":25,"threshold":2,"state":"computed"},"keep_alive_sec":20,"idle_timeout_sec":60,"rtt_ms":null,"loss_rate":null}`: New(Known{MTU: mtu.Effective{MTU: 1500}}),
		`"proven":1360,"probing":true,"ack":{"exponent":3,"max_delay_ms":15,"threshold":10,"state":"computed"},"keep_alive_sec":40,"idle_timeout_sec":120,"rtt_ms":60.5,"loss_rate":0}`: New(Known{
			MTU: mtu.Effective{MTU: 1360, Source: mtu.SourceCSV}, Proven: 1360, Probing: true, NATTimeout: time.Minute,
			RTT: 60*time.Millisecond + 500*time.Microsecond + 7, Loss: LossOf(0),
		}),
		`"proven":0,"probing":false,"ack":{"exponent":0,"max_delay_ms":0,"threshold":0,"state":"unknown"},"keep_alive_sec":0,"idle_timeout_sec":0,"rtt_ms":null,"loss_rate":null}`: {},
	} {
		m.Profile = p
		got, err := json.Marshal(m.Answer())
		if err != nil {
			t.Fatal(err)
		}
		if end := string(got[max(len(got)-len(want), 0):]); end != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
