package link

import "testing"

// FuzzOffer sends anything through a link that looks at all of a packet.
func FuzzOffer(f *testing.F) {
	f.Add(datagram(f, port(client4, 5000), port(edge4, 443), 100), false)
	f.Add(datagram(f, port(edge6, 443), port(client6, 5000), 1400), true)
	f.Add(segment(f, port(client6, 5000), port(edge6, 443), 60), false)
	f.Fuzz(func(t *testing.T, b []byte, down bool) {
		l := newLab(t, 1, Settings{Up: Path{MTU: 90, ICMP: true}, Down: Path{MTU: 90, ICMP: true}, NAT: NAT{On: true}})
		d := Up
		if down {
			d = Down
		}
		l.send(0, d, b)
		c := l.Counters(d)
		if got := len(l.collect(d, never)); uint64(got) != c.Carried+c.Told {
			t.Errorf("%d packets came out, counted %+v", got, c)
		}
	})
}

// BenchmarkOffer takes one packet through a link with everything on.
func BenchmarkOffer(b *testing.B) {
	l := newLab(b, 1, Settings{NAT: NAT{On: true}, Up: Path{Delay: 1000, Jitter: 100, Loss: 0.01, Burst: Bursts(0.01, 4), Large: Large{1412, 0.013}, Rate: 1 << 40, MTU: 1500}})
	packet := datagram(b, port(client4, 5000), port(edge4, 443), 1400)
	for b.Loop() {
		l.send(0, Up, packet)
		l.deliver(never, Up, func(bool, []byte) {})
	}
	b.ReportMetric(float64(l.Counters(Up).Bytes)*8/b.Elapsed().Seconds()/1e6, "Mbit/s")
}
