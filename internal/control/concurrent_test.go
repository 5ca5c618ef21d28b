package control

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"quicedge/internal/mtu"
)

// What follows is asked of a running node from several goroutines: the race detector (go test -race) sees what they share.
func TestEverythingAtOnceEndsWithKernelAndServerAlike(t *testing.T) {
	b := newLab(t)
	b.now = time.Now
	gansuClient := netip.MustParseAddr("10.62.1.1")
	b.Ask(steady{gansuClient})
	var all sync.WaitGroup
	for _, each := range []func(int){
		func(int) { b.must(b.Tick()) },
		func(int) { b.must(b.Reload()) },
		func(i int) {
			b.Shown(Event{Client: netip.AddrFrom4([4]byte{10, 23, byte(i), 7}), Kind: mtu.Carried, MTU: 1372, Finished: true})
		},
		func(i int) {
			b.Shown(Event{Client: netip.AddrFrom4([4]byte{10, 15, byte(i), 7}), Kind: mtu.Discovered, MTU: 1300})
		},
		func(int) { b.Explain(gansuClient) },
		func(int) { b.State() },
		func(int) { b.Learned() },
		func(int) {
			if v := b.Current(); v.Profiles[heilongjiang] != v.Lookup(netip.MustParseAddr("10.23.1.1")).Profile {
				t.Error("a Snapshot that contradicts itself")
			}
		},
	} {
		all.Go(func() {
			for i := range 50 {
				each(i)
			}
		})
	}
	all.Wait()
	b.must(b.Tick())
	if b.kernel.profiles != b.Snapshot().Profiles {
		t.Error("the kernel has other profiles than the server")
	}
	if got := b.of(heilongjiang); got.Proven != 1372 || b.of(innerMongol).MTU != 1300 || b.of(gansu).MTU != 1360 {
		t.Errorf("%+v, %+v, %+v", got, b.of(innerMongol), b.of(gansu))
	}
}

// steady measures the same each time.
type steady struct{ client netip.Addr }

func (m steady) Measure(l Log) error {
	l.Sent(m.client, 1000, 80, 50*time.Millisecond)
	return nil
}

func (b *lab) must(_ int, err error) {
	if err != nil {
		b.t.Error(err)
	}
}
