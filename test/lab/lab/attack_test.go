package lab

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/test/lab/link"
)

var mongolia = class.Of(15, class.CTCC) // 1420 bytes by the shipped table

// TestOneNetworkCannotMoveItsClass lets many hosts of one /24, whose path carries next to nothing, connect to a class of which nothing is
// known, and to one that others have proven.
func TestOneNetworkCannotMoveItsClass(t *testing.T) {
	t.Parallel()
	const hosts, tiny = 8, 1260
	hostile := Net4(mongolia, 60)
	l := New(t, Config{Seed: 1, Classes: []Class{
		{ID: mongolia, Settings: short(nil)},
		{ID: mongolia, Only: hostile, Settings: short(func(p *link.Path) { p.MTU = tiny })},
	}})
	n := runNode(t, l, mongolia, Node{})
	attack := func() {
		for i := range 3 {
			datagrams := l.LinkOf(hostile).Counters(link.Down).UDP
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for h := range hosts {
				all.Go(func() { l.Fetch(ctx, Host(hostile, 1+i*hosts+h), careful(), FileOf(endless), patience, nil) })
			}
			until(t, "what the attacker shows is seen", func() bool {
				return n.learned(t).Samples > 0 && l.LinkOf(hostile).Counters(link.Down).UDP > datagrams+500
			})
			stop()
			all.Wait()
		}
	}
	attack()
	if a := n.learned(t); a.MTU != 0 || a.Proven != 0 || a.Networks != 1 || n.profile(t).MTU != 1420 {
		t.Errorf("one network has taught an unknown class: %+v", a)
	}
	honest := n.gather(t, 0, 1, 2, 3, 4)
	until(t, "honest clients have proven the MTU of the table", func() bool { return n.learned(t).Proven >= 1420-21 })
	honest.leave()
	proven := n.learned(t)
	if err := n.visit(t, Host(hostile, 250)); err == nil {
		t.Error("the attacker's path carried the proven size")
	}
	attack()
	a, p := n.learned(t), n.profile(t)
	if a.MTU != 0 || a.Proven != proven.Proven || p.MTU != 1420 || p.Initial != proven.Proven-headers6 {
		t.Errorf("one network has moved its class from %+v to %+v", proven, a)
	}
	if err := n.visit(t, n.client(30)); err != nil {
		t.Error(err)
	}
	t.Logf("%d connections from %s, %d bytes: mtu %d, proven %d, before and after", 6*hosts+1, hostile, tiny, p.MTU, a.Proven)
}

const headers6 = 48 // headers of IPv6 and UDP

// deaf is a socket that hears nothing: that of a client who forges his address.
type deaf struct{ net.PacketConn }

func (d deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.PacketConn.ReadFrom(b); err != nil {
			return 0, nil, err
		}
	}
}

// forge sends Initials from an address, and never answers to what comes.
func (l *Lab) forge(ctx context.Context, t *testing.T, from netip.Addr) {
	socket, err := l.Listen(from)
	if err != nil {
		t.Error(err)
		return
	}
	defer socket.Close()
	tr := &quic.Transport{Conn: deaf{socket}}
	defer tr.Close()
	secure := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{http3.NextProtoH3}}
	if _, err := tr.Dial(ctx, net.UDPAddrFromAddrPort(EdgeAddr(from)), secure, careful()); err == nil {
		t.Errorf("%s has finished a handshake without hearing anything", from)
	}
}

// TestForgedInitialsTrainNothing sends Initials in the name of every network of a class, unproven and proven.
func TestForgedInitialsTrainNothing(t *testing.T) {
	t.Parallel()
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: mongolia, Settings: short(nil)}}})
	n := runNode(t, l, mongolia, Node{})
	flood := func() {
		ctx, stop := context.WithTimeout(t.Context(), 800*time.Millisecond)
		defer stop()
		before := l.Link(mongolia).Counters(link.Up).UDP
		var all sync.WaitGroup
		for i := range Networks {
			all.Go(func() { l.forge(ctx, t, Host(Net4(mongolia, i), 9)) })
			all.Go(func() { l.forge(ctx, t, Host(Net6(mongolia, i), 9)) })
		}
		all.Wait()
		if sent := l.Link(mongolia).Counters(link.Up).UDP - before; sent < 2*Networks {
			t.Fatalf("%d Initials", sent)
		}
	}
	flood()
	if a := n.learned(t); a != (path.LearnedAnswer{}) || n.profile(t).MTU != 1420 {
		t.Errorf("unknown class: %+v", a)
	}
	proven := n.prove(t)
	flood()
	n.idle(t, 6*time.Second)
	a := n.learned(t)
	if a.MTU != proven.MTU || a.Proven != proven.Proven || a.Networks != proven.Networks || a.Samples < proven.Samples {
		t.Errorf("from %+v to %+v", proven, a)
	}
	t.Logf("Initials from %d addresses of %d networks, twice: mtu %d, proven %d, %d networks, before and after", 2*Networks, 2*Networks, n.profile(t).MTU, a.Proven, a.Networks)
}

// idle waits until the loop has looked at its measurements for a while: by then the server has given up what is unfinished.
func (n node) idle(t *testing.T, d time.Duration) {
	t.Helper()
	ticks := func() uint64 {
		a, err := n.Admin().Loop(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return a.Ticks
	}
	last := ticks() + uint64(d/(20*time.Millisecond))
	until(t, "the loop goes on", func() bool { return ticks() >= last })
}
