package quicsrv

import (
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// BenchmarkPoll prints what a look at one of 256 open connections costs.
func BenchmarkPoll(b *testing.B) {
	s, cert := start(b, http.NotFoundHandler(), nil)
	const open = 256
	for range open {
		conn, err := dialQUIC(b, s.Addr().String(), cert, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.CloseWithError(0, "")
	}
	b.Run("nothing new", func(b *testing.B) { benchmarkPoll(b, s, open, func() {}) })
	b.Run("all new", func(b *testing.B) {
		benchmarkPoll(b, s, open, func() {
			for _, c := range s.gate.conns {
				c.tally = tally{}
			}
		})
	})
}

func benchmarkPoll(b *testing.B, s *Server, open int, before func()) {
	b.ReportAllocs()
	for b.Loop() {
		before()
		s.Poll(func(Sample) {})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*open), "ns/connection")
}

// BenchmarkTracer downloads over loopback with and without a traced connection, in turns, and prints the processor time of both
// sides for a MiB, and the ratio.
func BenchmarkTracer(b *testing.B) {
	const size = 16 << 20
	zeros := make([]byte, 1<<20)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range size / len(zeros) {
			if _, err := w.Write(zeros); err != nil {
				return
			}
		}
	})
	searched := path.New(path.Known{MTU: mtu.Effective{MTU: 1500}})
	clients := map[bool]*http.Client{}
	for _, traced := range []bool{false, true} {
		s, cert := start(b, handler, func(c *Config) {
			c.Profile = func(netip.Addr) path.Profile { return searched }
			if traced {
				c.Observer = discard{}
			}
		})
		conn, err := dialQUIC(b, s.Addr().String(), cert, nil)
		if err != nil {
			b.Fatal(err)
		}
		clients[traced] = clientOver(b, conn)
		get(b, clients[traced]) // discovery comes to its end
	}
	spent := map[bool]time.Duration{}
	for b.Loop() {
		for traced, client := range clients {
			before := processorTime(b)
			get(b, client)
			spent[traced] += processorTime(b) - before
		}
	}
	perMiB := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N*size>>20) }
	b.ReportMetric(perMiB(spent[false]), "plain-cpu-ms/MiB")
	b.ReportMetric(perMiB(spent[true]), "traced-cpu-ms/MiB")
	b.ReportMetric(float64(spent[true])/float64(spent[false]), "ratio")
}

type discard struct{}

func (discard) Observe(Event) {}

func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
