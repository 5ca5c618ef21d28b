package dataplane

import (
	"math"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

func mustApply(t *testing.T, p *Plane, s *path.Snapshot) int {
	t.Helper()
	changed, err := p.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// generationOf is the pinned one.
func generationOf(t *testing.T, p *Plane) (g bpf.DataplaneGeneration) {
	t.Helper()
	if err := p.maps.Generation.Lookup(uint32(0), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestApplyChangesOnlyWhatDiffers(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	first := generationOf(t, p)
	if n := mustApply(t, p, testSnapshot(t)); n != 0 {
		t.Errorf("the same again: %d changes", n)
	}
	s := testSnapshot(t)
	s.Profiles[gansu] = path.NewProfile(mtu.Effective{MTU: 1360, Source: mtu.SourceOverride})
	if n := mustApply(t, p, s); n != 1 {
		t.Errorf("one profile: %d changes", n)
	}
	if got := generationOf(t, p); got != first {
		t.Errorf("tables were swapped for a profile: %+v", got)
	}
	m, err := p.Lookup(gansu4)
	if err != nil || m.Profile != s.Profiles[gansu] {
		t.Errorf("%+v, %v", m, err)
	}
	moved := snapshot(t, map[string]class.ID{"198.51.100.0/24": yunnan, "2001:db8:23::/48": heilongjiang, "2001:db8:62::/48": gansu}, nil)
	moved.Profiles = s.Profiles
	if n := mustApply(t, p, moved); n != 1 {
		t.Errorf("one family of prefixes: %d changes", n)
	}
	if got := generationOf(t, p); got.Number != first.Number+1 || got.Entries4 != 1 || got.Entries6 != 2 {
		t.Errorf("generation %+v after %+v", got, first)
	}
	if m, err := p.Lookup(harbin4); err != nil || m.Class != yunnan {
		t.Errorf("%+v, %v", m, err)
	}
	if n := mustApply(t, p, &path.Snapshot{}); n == 0 {
		t.Error("an empty snapshot changed nothing")
	}
	if m, err := p.Lookup(harbin6); err != nil || m != (path.Match{Addr: harbin6}) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestInvalidSnapshotChangesNothing(t *testing.T) {
	l := newLab(t)
	good := testSnapshot(t)
	p := l.mustLoad(good)
	before := generationOf(t, p)
	withProfile := func(pr path.Profile) *path.Snapshot {
		s := snapshot(t, map[string]class.ID{"198.51.100.0/24": yunnan}, nil)
		s.Profiles[yunnan] = pr
		return s
	}
	ok := path.NewProfile(mtu.Effective{MTU: 1400})
	change := func(f func(*path.Profile)) path.Profile { pr := ok; f(&pr); return pr }
	for name, s := range map[string]*path.Snapshot{
		"none":                 nil,
		"mtu 1247":             withProfile(change(func(p *path.Profile) { p.MTU, p.Budget = 1247, 1199 })),
		"mtu 9001":             withProfile(change(func(p *path.Profile) { p.MTU, p.Budget = 9001, 8953 })),
		"mtu 0 with a budget":  withProfile(change(func(p *path.Profile) { p.MTU = 0 })),
		"budget of its own":    withProfile(change(func(p *path.Profile) { p.Budget++ })),
		"initial 1199":         withProfile(change(func(p *path.Profile) { p.Initial = 1199 })),
		"initial 1453":         withProfile(change(func(p *path.Profile) { p.Initial = 1453 })),
		"ack exponent 5":       withProfile(change(func(p *path.Profile) { p.ACK.Exponent = 5 })),
		"ack for each packet":  withProfile(change(func(p *path.Profile) { p.ACK.Threshold = 1 })),
		"delay under 0":        withProfile(change(func(p *path.Profile) { p.ACK.MaxDelay = -1 })),
		"keep-alive of months": withProfile(change(func(p *path.Profile) { p.KeepAlive = 50 * 24 * time.Hour })),
		"idle under 0":         withProfile(change(func(p *path.Profile) { p.IdleTimeout = -time.Second })),
		"rtt of hours":         withProfile(change(func(p *path.Profile) { p.RTT = 2 * time.Hour })),
		"province 99":          snapshot(t, map[string]class.ID{"198.51.100.0/24": class.Of(99, class.CMCC)}, nil),
		"isp 7":                snapshot(t, map[string]class.ID{"198.51.100.0/24": class.Of(23, 7)}, nil),
		"class beyond the map": snapshot(t, map[string]class.ID{"198.51.100.0/24": math.MaxUint16}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			if n, err := p.Apply(s); err == nil || n != 0 {
				t.Errorf("applied, %d changes", n)
			}
			if _, err := l.load(s); err == nil {
				t.Error("loaded")
			}
			if got := generationOf(t, p); got != before {
				t.Errorf("generation %+v, before %+v", got, before)
			}
			if m, err := p.Lookup(harbin4); err != nil || m != good.Lookup(harbin4) {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
}

// A process that was killed between the two halves of a swap leaves digests of zero: what it left is not trusted.
func TestSwapThatWasCutOffIsDoneAgain(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	g := generationOf(t, p)
	g.Digest4 = [32]byte{}
	if err := p.maps.Generation.Update(uint32(0), &g, ebpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	if n := mustApply(t, p, testSnapshot(t)); n != 1 {
		t.Errorf("%d changes, want the IPv4 table", n)
	}
	if n := mustApply(t, p, testSnapshot(t)); n != 0 {
		t.Errorf("%d changes after it was done again", n)
	}
}

func TestPinnedProfileHasTheDocumentedLayout(t *testing.T) {
	b := newBench(t, &path.Snapshot{}, false)
	s := &path.Snapshot{}
	s.Profiles[heilongjiang] = path.Profile{
		MTU: 1372, Budget: 1324, Initial: 1300, Search: true, Source: mtu.SourcePolicy, Proven: 1348, Probing: true,
		ACK:       path.ACK{Exponent: 4, MaxDelay: 25 * time.Millisecond, Threshold: 10},
		KeepAlive: 20 * time.Second, IdleTimeout: time.Minute, RTT: 123456 * time.Microsecond, Loss: path.LossOf(0.065),
	}
	if err := validate(s); err != nil {
		t.Fatal(err)
	}
	b.profiles.store(&s.Profiles)
	var got bpf.DataplanePathProfile
	if err := b.maps.Profiles.Lookup(uint32(heilongjiang), &got); err != nil {
		t.Fatal(err)
	}
	want := bpf.DataplanePathProfile{
		Mtu: 1372, Budget: 1324, Initial: 1300, Flags: 3, Source: 3,
		AckDelayUs: 25_000, AckThreshold: 10, AckExponent: 4, KeepAliveMs: 20_000, IdleTimeoutMs: 60_000,
		RttUs: 123_456, Delivered: 9350, Proven: 1348,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if back := b.profiles.load(heilongjiang); back != s.Profiles[heilongjiang] {
		t.Errorf("read back %+v", back)
	}
}

// Most of what is measured anew changes one class in one word: nothing else is written, and it counts as one change.
func TestOnlyWordsThatDifferAreWritten(t *testing.T) {
	b := newBench(t, &path.Snapshot{}, false)
	s := testSnapshot(t)
	b.profiles.store(&s.Profiles)
	place := b.profiles.of(heilongjiang)
	for name, change := range map[string]struct {
		change func(*path.Profile)
		words  []int
	}{
		"nothing":    {func(*path.Profile) {}, nil},
		"mtu":        {func(p *path.Profile) { p.MTU, p.Budget, p.Initial = 1300, 1252, 1252 }, []int{0}},
		"ack":        {func(p *path.Profile) { p.ACK.Threshold = 10 }, []int{1}},
		"keep-alive": {func(p *path.Profile) { p.KeepAlive = 10 * time.Second }, []int{2}},
		"loss":       {func(p *path.Profile) { p.Loss = path.LossOf(0.01) }, []int{3}},
		"measured":   {func(p *path.Profile) { p.RTT, p.ACK.MaxDelay = 60*time.Millisecond, 15*time.Millisecond }, []int{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			b.profiles.store(&s.Profiles)
			before, next := *place, *s
			change.change(&next.Profiles[heilongjiang])
			n := b.profiles.store(&next.Profiles)
			var words []int
			for i := range before {
				if before[i] != place[i] {
					words = append(words, i)
				}
			}
			if !slices.Equal(words, change.words) || n != min(len(change.words), 1) {
				t.Errorf("%d profiles changed, in words %v; want %v", n, words, change.words)
			}
		})
	}
}

// While tables and profiles change, every packet sees a whole one: the MTU is always one of the two, the class always one of
// the two, and an address that is in both tables is never in none.
func TestNoPacketSeesAMixedTable(t *testing.T) {
	swaps := 20
	if testing.Short() { // in emulation
		swaps = 8
	}
	b := newBench(t, testSnapshot(t), false)
	other := snapshot(t, map[string]class.ID{"198.51.100.0/24": gansu, "2001:db8:23::/48": gansu}, map[class.ID]uint16{heilongjiang: 1400, gansu: 1300})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(stop)
		for i := range swaps {
			s := other
			if i%2 == 1 {
				s = testSnapshot(t)
			}
			c, err := b.prepare(s, "")
			if err != nil {
				t.Error(err)
				return
			}
			_, err = b.commit(c)
			if c.close(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	seen := make(map[class.ID]int)
	for running := true; running; {
		select {
		case <-stop:
			running = false
		default:
		}
		for _, a := range []netip.Addr{harbin4, harbin6} {
			m, err := b.Lookup(a)
			if err != nil {
				t.Fatal(err)
			}
			seen[m.Class]++
			if mtu := m.Profile.MTU; mtu != m.Profile.Budget+48 || (mtu != 1372 && mtu != 1400 && mtu != 1300 && mtu != 1248) {
				t.Fatalf("half a profile: %+v", m)
			}
		}
	}
	wg.Wait()
	if len(seen) != 2 || seen[heilongjiang] == 0 || seen[gansu] == 0 {
		t.Errorf("classes seen: %v", seen)
	}
}

func TestApplyProfilesLeavesThePrefixes(t *testing.T) {
	l := newLab(t)
	p := l.mustLoad(testSnapshot(t))
	before := generationOf(t, p)
	s := testSnapshot(t)
	s.Prefixes = nil
	s.Profiles[heilongjiang] = path.NewProfile(mtu.Effective{MTU: 1400, Source: mtu.SourceOverride})
	if n, err := p.Prune(s); n != 1 || err != nil {
		t.Errorf("%d changes, %v", n, err)
	}
	if got := generationOf(t, p); got != before {
		t.Errorf("generation %+v, before %+v", got, before)
	}
	if m, err := p.Lookup(harbin4); err != nil || m.Class != heilongjiang || m.Profile.MTU != 1400 {
		t.Errorf("%+v, %v", m, err)
	}
	s.Profiles[heilongjiang].MTU = 1247
	if _, err := p.Prune(s); err == nil {
		t.Error("an mtu of 1247 was applied")
	}
}
