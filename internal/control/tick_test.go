package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

var (
	heilongjiang = class.Of(23, class.CMCC)
	gansu        = class.Of(62, class.CMCC)
	innerMongol  = class.Of(15, class.CTCC)
)

// lab is a loop in a time of its own, with clients of three classes.
type lab struct {
	*Loop
	t      *testing.T
	kernel *kernel
	meter  *meter
	clock  time.Time
	log    bytes.Buffer
}

// meter says once what it was told to say.
type meter struct {
	say []func(Log)
	err error
}

func (m *meter) Measure(l Log) error {
	for _, say := range m.say {
		say(l)
	}
	m.say = nil
	return m.err
}

const rows = "province_id,isp,mtu,condition\n62,CMCC,1360,loss_rate > 6.5%\n15,CTCC,1420,always\n23,any,1372,always\ndefault,any,1500,always\n"

func newLab(t *testing.T) *lab { return labAt(t, t.TempDir(), rows) }

func labAt(t *testing.T, dir, table string) *lab {
	t.Helper()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	prefixes := "prefix,province_id,isp\n10.23.0.0/16,23,CMCC\n10.62.0.0/16,62,CMCC\n10.15.0.0/16,15,CTCC\n"
	b := &lab{t: t, kernel: &kernel{}, meter: &meter{}, clock: time.Now()}
	var err error
	b.Loop, err = New(Files{Table: write("table.csv", table), Prefixes: write("prefixes.csv", prefixes), State: statedir.At(filepath.Join(dir, "state"))},
		Settings{Log: slog.New(slog.NewTextHandler(&b.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	b.now = func() time.Time { return b.clock }
	b.kernel.profiles = b.Snapshot().Profiles
	b.Drive(b.kernel)
	b.Ask(b.meter)
	return b
}

// tick lets time pass and ticks.
func (b *lab) tick(after time.Duration) (changed int) {
	b.t.Helper()
	b.clock = b.clock.Add(after)
	changed, err := b.Tick()
	if err != nil {
		b.t.Fatal(err)
	}
	return changed
}

// loses makes connections of a class lose a share of what they send, for a while.
func (b *lab) loses(client string, ratio float64, during time.Duration) {
	b.t.Helper()
	for range int(during / time.Second) {
		b.meter.say = append(b.meter.say, func(l Log) {
			l.Sent(netip.MustParseAddr(client), 1000, uint64(1000*ratio), 50*time.Millisecond)
		})
		b.tick(time.Second)
	}
}

func (b *lab) of(id class.ID) path.Profile { return b.Snapshot().Profiles[id] }

// shows tells the loop of one client of each of n networks of a province.
func (b *lab) shows(province, n int, kind mtu.EvidenceKind, size uint16) {
	for i := range n {
		b.Shown(Event{Client: netip.AddrFrom4([4]byte{10, byte(province), byte(i), 7}), Kind: kind, MTU: size, Finished: kind == mtu.Carried})
	}
}

func TestMeasuredLossPutsARowInForceAndTakesItBack(t *testing.T) {
	b := newLab(t)
	if got := b.of(gansu); got.MTU != 1500 || got.Source != mtu.SourceDefault || got.Initial != path.MinInitial {
		t.Fatalf("before anything is measured: %+v", got)
	}
	b.loses("10.62.1.1", 0.08, time.Minute)
	if got := b.of(gansu); got.MTU != 1360 || got.Source != mtu.SourceCSV || got.Loss.Ratio() < 0.07 || got.RTT != 50*time.Millisecond {
		t.Errorf("at 8 %%: %+v", got)
	}
	if b.kernel.profiles != b.Snapshot().Profiles {
		t.Error("the kernel has other profiles")
	}
	b.loses("10.62.1.1", 0.063, 10*time.Minute)
	if got := b.of(gansu); got.MTU != 1360 {
		t.Errorf("just below the threshold: %+v", got)
	}
	if why := b.Explain(netip.MustParseAddr("10.62.1.1")); !strings.Contains(fmt.Sprint(why.Candidates), "still holds") {
		t.Errorf("no word of what holds the row: %+v", why.Candidates)
	}
	b.loses("10.62.1.1", 0.02, 10*time.Minute)
	if got := b.of(gansu); got.MTU != 1500 {
		t.Errorf("at 2 %%: %+v", got)
	}
	if got := b.of(heilongjiang); got.Loss.Known() || got.RTT != 0 {
		t.Errorf("another class: %+v", got)
	}
}

func TestValuesThatWaverAreNotWritten(t *testing.T) {
	b := newLab(t)
	for _, loss := range []float64{0.05, 0.0001} {
		b.loses("10.23.1.1", loss, 10*time.Minute)
		writes, generation := b.kernel.writes, b.Current().Generation
		for i := range 60 {
			b.loses("10.23.1.1", loss+0.001*float64(i%3), time.Second)
		}
		if b.kernel.writes != writes || b.Current().Generation != generation {
			t.Errorf("around %g: %d writes, generation %d after %d", loss, b.kernel.writes-writes, b.Current().Generation, generation)
		}
	}
}

func TestOneWriteForAChangedClass(t *testing.T) {
	b := newLab(t)
	b.shows(15, 6, mtu.Carried, 1420)
	b.shows(23, 6, mtu.Carried, 1372)
	if changed := b.tick(time.Second); changed != 2 || b.kernel.writes != 2 {
		t.Errorf("%d classes changed by %d writes", changed, b.kernel.writes)
	}
	if got := b.of(innerMongol); got.Initial != 1372 || got.Search || b.kernel.profiles[innerMongol] != got {
		t.Errorf("server %+v, kernel %+v", got, b.kernel.profiles[innerMongol])
	}
	if b.tick(time.Second) != 0 || b.kernel.writes != 2 {
		t.Errorf("written again: %d", b.kernel.writes)
	}
}

func TestAWrongTableIsCorrectedAndThePathThatHealsIsFound(t *testing.T) {
	b := newLab(t)
	b.shows(15, 8, mtu.Carried, 1420)
	b.tick(time.Second)
	b.shows(15, 3, mtu.Failed, 1420) // the path has shrunk
	b.tick(time.Second)
	if got := b.of(innerMongol); got.Initial != path.MinInitial || !got.Search {
		t.Fatalf("after three failures: %+v", got)
	}
	b.shows(15, 17, mtu.Discovered, 1296)
	b.tick(time.Second)
	if got := b.of(innerMongol); got.MTU > 1300 || got.MTU < 1248 || got.Source != mtu.SourceLearned {
		t.Fatalf("after twenty connections: %+v", got)
	}
	learned := b.Learned()[innerMongol]
	for b.clock.Before(learned.RaiseAt) {
		b.tick(30 * time.Second)
	}
	b.tick(time.Second)
	if got := b.of(innerMongol); !got.Probing || got.MTU != 1420 || !got.Search {
		t.Fatalf("when it is to be tried again: %+v", got)
	}
	b.shows(15, 10, mtu.Discovered, 1412)
	b.tick(time.Second)
	if got := b.of(innerMongol); got.Probing || got.MTU != 1420 || got.Proven < 1372 {
		t.Errorf("after the path has healed: %+v", got)
	}
}

func TestOneNetworkMovesNoClass(t *testing.T) {
	b := newLab(t)
	b.shows(23, 6, mtu.Carried, 1372)
	b.tick(time.Second)
	before := b.of(heilongjiang)
	for range 1000 {
		for _, kind := range []mtu.EvidenceKind{mtu.Discovered, mtu.Failed, mtu.Stalled, mtu.Told} {
			b.shows(23, 1, kind, 1260)
		}
		b.tick(time.Second)
	}
	if got := b.of(heilongjiang); got != before {
		t.Errorf("%+v, was %+v", got, before)
	}
}

// Who knows the server's port can send ICMP in the name of any network. (The programs' own MTUs are filtered elsewhere.)
func TestForgedICMPMovesNoClass(t *testing.T) {
	b := newLab(t)
	b.shows(23, 10, mtu.Carried, 1372)
	b.tick(time.Second)
	before := b.of(heilongjiang)
	for i := range 1000 {
		client := netip.AddrFrom4([4]byte{10, 23, byte(i), 9})
		b.Shown(Event{Client: client, Kind: mtu.Told, MTU: 1260})
	}
	b.tick(time.Second)
	if got, l := b.of(heilongjiang), b.Learned()[heilongjiang]; got != before || l.Networks != 10 {
		t.Errorf("%+v, was %+v; learned %+v", got, before, l)
	}
}

func TestWhatTheProgramsToldTheKernelIsNoNews(t *testing.T) {
	b := newLab(t)
	b.shows(23, 20, mtu.Told, 1372)
	b.tick(time.Second)
	if l := b.Learned()[heilongjiang]; l.Samples != 0 {
		t.Errorf("learned %+v", l)
	}
}

func TestAKernelThatRefusesGetsAllOfItLater(t *testing.T) {
	b := newLab(t)
	before := b.Snapshot()
	b.kernel.refuse = errors.New("busy")
	b.shows(23, 6, mtu.Carried, 1372)
	b.clock = b.clock.Add(time.Second)
	if _, err := b.Tick(); !errors.Is(err, b.kernel.refuse) {
		t.Fatal(err)
	}
	if b.Snapshot() != before || b.State().LastError == "" {
		t.Errorf("the server is ahead of the kernel, or nobody hears of it: %+v", b.State())
	}
	b.kernel.refuse = nil
	b.kernel.profiles[gansu].MTU = 1280 // half of something
	b.tick(time.Second)
	if b.kernel.profiles != b.Snapshot().Profiles || b.of(heilongjiang).Proven == 0 || b.State().LastError != "" {
		t.Errorf("kernel and server differ: %+v", b.State())
	}
}

func TestWhatAnotherWroteIntoTheKernelIsPutRight(t *testing.T) {
	b := newLab(t)
	b.kernel.profiles[gansu] = path.Profile{}
	for range pruneEvery {
		b.tick(time.Second)
	}
	if b.kernel.profiles != b.Snapshot().Profiles || b.kernel.pruned != 1 {
		t.Errorf("%d put right", b.kernel.pruned)
	}
}

func TestManyClassesChangeAtOnce(t *testing.T) {
	b := newLab(t)
	table := "province_id,isp,mtu,condition\ndefault,any,1400,always\n"
	if err := os.WriteFile(b.files.Table, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Reload(); err != nil {
		t.Fatal(err)
	}
	for _, id := range class.All() {
		if got := b.of(id); got.MTU != 1400 || b.kernel.profiles[id] != got {
			t.Fatalf("%s: server %+v, kernel %+v", id, got, b.kernel.profiles[id])
		}
	}
	if v := b.Current(); v.Generation != 2 {
		t.Errorf("generation %d", v.Generation)
	}
}

func TestWhatWasLearnedOutlivesTheLoop(t *testing.T) {
	dir := t.TempDir()
	b := labAt(t, dir, rows)
	b.shows(23, 6, mtu.Carried, 1372)
	b.tick(time.Second)
	b.tick(keepEvery)
	if got := labAt(t, dir, rows).of(heilongjiang); got.Proven != 1372 || got.Initial != 1324 {
		t.Errorf("after a restart: %+v", got)
	}
	name := filepath.Join(dir, "state", "learned.csv")
	if err := os.WriteFile(name, []byte("this is,no\nlearned file"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := labAt(t, dir, rows)
	if got := again.of(heilongjiang); got.Proven != 0 || !strings.Contains(again.log.String(), "learned.csv:1") {
		t.Errorf("with a file that is none: %+v, log %s", got, again.log.String())
	}
}

func TestALoopThatTakesOverKnowsWhatWasLearnedUntilThen(t *testing.T) {
	dir := t.TempDir()
	before, after := labAt(t, dir, rows), labAt(t, dir, rows)
	before.shows(23, 6, mtu.Carried, 1372)
	before.tick(time.Second)
	before.tick(keepEvery)
	after.Remember()
	after.tick(time.Second)
	after.tick(keepEvidenceEvery) // it writes now
	for name, got := range map[string]path.Profile{"it": after.of(heilongjiang), "the one after it": labAt(t, dir, rows).of(heilongjiang)} {
		if got.Proven != 1372 {
			t.Errorf("%s knows %+v", name, got)
		}
	}
}

func TestAFullDiskCostsNothingButMemory(t *testing.T) {
	b := newLab(t)
	if err := os.Mkdir(filepath.Join(filepath.Dir(b.files.State.Socket()), "learned.csv.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.shows(23, 6, mtu.Carried, 1372)
	b.clock = b.clock.Add(keepEvery)
	changed, err := b.Tick()
	if err == nil || !strings.Contains(err.Error(), "make room") || changed != 1 || b.of(heilongjiang).Proven != 1372 {
		t.Errorf("%d changed, %v", changed, err)
	}
}

func TestATroubleWithTheFileLastsUntilItIsWritten(t *testing.T) {
	b := newLab(t)
	way := filepath.Join(filepath.Dir(b.files.State.Socket()), "learned.csv.new")
	if err := os.Mkdir(way, 0o700); err != nil {
		t.Fatal(err)
	}
	b.shows(23, 6, mtu.Carried, 1372)
	for range 3 {
		b.clock = b.clock.Add(time.Second)
		if _, err := b.Tick(); err == nil || b.State().LastError == "" {
			t.Errorf("forgotten after %s", b.clock.Sub(b.saved.at))
		}
	}
	if err := os.Remove(way); err != nil {
		t.Fatal(err)
	}
	b.tick(keepEvery)
	if b.State().LastError != "" {
		t.Errorf("still %s", b.State().LastError)
	}
}

// What a class carries comes with every connection; what is learned of it stays the same.
func TestEvidenceAloneIsWrittenSeldom(t *testing.T) {
	b := newLab(t)
	b.shows(23, 6, mtu.Carried, 1372)
	b.tick(time.Second)
	writes := func(during time.Duration) (n int) {
		before := b.saved.text
		for end := b.clock.Add(during); b.clock.Before(end); {
			b.shows(23, 6, mtu.Carried, 1372)
			b.tick(time.Second)
			if !bytes.Equal(before, b.saved.text) {
				n, before = n+1, b.saved.text
			}
		}
		return n
	}
	writes(keepEvery) // what was proven
	if n := writes(2*keepEvidenceEvery + time.Second); n < 1 || n > 3 {
		t.Errorf("written %d times", n)
	}
}

func TestUrgentEvidenceIsLookedAtSoonAndNotAllTheTime(t *testing.T) {
	b := newLab(t)
	synctest.Test(t, func(t *testing.T) {
		b.now, b.every = time.Now, time.Hour
		b.inbox = newInbox() // channels of the bubble
		ctx, end := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { b.Run(ctx) })
		b.shows(15, 1, mtu.Failed, 1420)
		synctest.Wait()
		if n := b.State().Ticks; n != 1 {
			t.Errorf("%d looks at once", n)
		}
		for range 1000 {
			b.shows(15, 1, mtu.Failed, 1420)
			<-time.After(time.Millisecond)
		}
		synctest.Wait()
		if n := b.State().Ticks; n < 15 || n > 22 {
			t.Errorf("%d looks within a second", n)
		}
		end()
		run.Wait()
	})
}

func TestEvidenceNeverBlocksAConnection(t *testing.T) {
	b := newLab(t)
	for range inboxSize + 100 {
		b.shows(23, 1, mtu.Failed, 1372)
	}
	if b.Lost() != 100 || len(b.inbox.urgent) != 1 {
		t.Errorf("%d lost, %d urgent", b.Lost(), len(b.inbox.urgent))
	}
}

func TestAMeterThatFailsKeepsNoOtherFromBeingHeard(t *testing.T) {
	b := newLab(t)
	b.meter.err = errors.New("no counters")
	b.shows(23, 6, mtu.Carried, 1372)
	b.clock = b.clock.Add(time.Second)
	if changed, err := b.Tick(); changed != 1 || !errors.Is(err, b.meter.err) || b.of(heilongjiang).Proven != 1372 {
		t.Errorf("%d changed, %v", changed, err)
	}
}

func TestATroubleThatStaysIsSaidNowAndThen(t *testing.T) {
	var log bytes.Buffer
	var c complaint
	to := slog.New(slog.NewTextHandler(&log, nil))
	for i := range 120 {
		c.say(to, errors.New("no room"), time.Unix(int64(i), 0))
	}
	c.say(to, nil, time.Unix(121, 0))
	c.say(to, errors.New("another"), time.Unix(121, 0))
	if n := strings.Count(log.String(), "\n"); n != 3 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

func TestOnlyClassesOfWhichSomethingIsKnownAreTold(t *testing.T) {
	b := newLab(t)
	if got := b.Classes(); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	b.loses("10.62.1.1", 0.08, time.Minute)
	b.shows(23, 6, mtu.Carried, 1372)
	b.tick(time.Second)
	got := b.Classes()
	if len(got) != 2 || got[0].Class != heilongjiang || got[0].Learned.Proven != 1372 || got[0].RTT.Known {
		t.Fatalf("got %+v", got)
	}
	if g := got[1]; g.Class != gansu || !g.Measured.LossRate.Known || g.RTT.Value < 0.049 || g.RTT.Value > 0.051 || g.Profile != b.of(gansu) || g.Profile.MTU != 1360 {
		t.Errorf("got %+v", g)
	}
}

func TestRowsSayHowManyClassesTheyDecideNow(t *testing.T) {
	b := newLab(t)
	classes := func() (by map[string]int) {
		by = map[string]int{}
		for _, r := range b.Rows() {
			by[r.ProvinceID+"/"+r.ISP+" "+r.Source] = r.Classes
		}
		return by
	}
	if got := classes(); got["62/CMCC csv"] != 0 || got["23/any csv"] != 6 || got["15/CTCC csv"] != 1 || got["default/any default"] != len(class.All())-7 {
		t.Errorf("unmeasured: %v", got)
	}
	b.loses("10.62.1.1", 0.08, time.Minute)
	b.shows(15, 8, mtu.Discovered, 1300)
	b.tick(time.Second)
	if err := b.files.State.UpdateOverrides(func(o *mtu.Table) (*mtu.Table, error) { return o.With(mtu.For(heilongjiang), 1350), nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := classes(); got["62/CMCC csv"] != 1 || got["23/CMCC override"] != 1 || got["23/any csv"] != 5 || got["15/CTCC csv"] != 0 {
		t.Errorf("measured, learned and overridden: %v", got)
	}
}
