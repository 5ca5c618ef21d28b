package lab

import (
	"net"
	"syscall"
	"testing"
	"time"

	"quicedge/test/lab/link"
)

// BenchmarkForward sends datagrams of 1400 bytes from a client to the edge through everything that a link can do, and prints the CPU time of
// a packet, both ends' system calls included.
func BenchmarkForward(b *testing.B) {
	path := link.Path{Delay: time.Millisecond, Jitter: 100 * time.Microsecond, Rate: 10_000_000_000, Queue: 64 << 20, MTU: 1500, Large: link.Large{Size: 1450, Loss: 0.01}}
	l := New(b, Config{Seed: 1, Classes: []Class{{ID: guangdong, Settings: link.Settings{Up: path, NAT: link.NAT{On: true}}}}})
	from := Host(Net4(guangdong, 0), 1)
	client, err := l.Listen(from)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var edge *net.UDPConn
	err = l.Edge.Within(func() (err error) {
		edge, err = net.ListenUDP("udp4", &net.UDPAddr{Port: Port})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	defer edge.Close()
	packet, got := make([]byte, 1372), make([]byte, 2000)
	const window = 64 // packets on their way, so that no buffer is full
	sent, received := 0, 0
	before := cpuTime(b)
	for b.Loop() {
		if _, err := client.WriteToUDPAddrPort(packet, EdgeAddr(from)); err != nil {
			b.Fatal(err)
		}
		for sent++; received < sent-window; received++ {
			edge.SetReadDeadline(time.Now().Add(patience))
			if _, _, err := edge.ReadFromUDPAddrPort(got); err != nil {
				b.Fatalf("%v: %+v", err, l.Link(guangdong).Counters(link.Up))
			}
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(sent), "cpu-us/packet")
	b.ReportMetric(float64(received)*1400*8/b.Elapsed().Seconds()/1e6, "Mbit/s")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
