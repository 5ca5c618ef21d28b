package replay

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hands are a clock that a test sets.
type hands struct{ wall, boot atomic.Int64 }

func newHands() *hands {
	h := &hands{}
	h.wall.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	h.boot.Store(int64(time.Hour))
	return h
}

func (h *hands) clock(boot string) *Clock {
	return &Clock{Wall: h.wall.Load, Boot: h.boot.Load, BootID: boot}
}

func (h *hands) pass(d time.Duration) {
	h.wall.Add(int64(d))
	h.boot.Add(int64(d))
}

func open(t *testing.T, s Settings) *Register {
	t.Helper()
	r, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.mapped != nil {
			closeNow(t, r)
		}
	})
	return r
}

func closeNow(t *testing.T, r *Register) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func ticket(n int) []byte { return binary.LittleEndian.AppendUint64([]byte("ticket"), uint64(n)) }

func TestTicketIsAcceptedOnceWithinItsLife(t *testing.T) {
	h := newHands()
	r := open(t, Settings{Buckets: 16, Life: time.Minute, Clock: h.clock("a")})
	given := r.Stamp()
	late := r.Stamp()
	for _, step := range []struct {
		pass   time.Duration
		ticket int
		stamp  Stamp
		want   Verdict
	}{
		{0, 1, given, Accepted},
		{0, 1, given, Replayed},
		{30 * time.Second, 2, given, Accepted},
		{29 * time.Second, 1, given, Replayed},
		{0, 3, late, Accepted},
		{2 * time.Second, 1, given, Expired},
		{0, 4, given, Expired},
		{time.Hour, 1, given, Expired},
	} {
		h.pass(step.pass)
		if got := r.Strike(ticket(step.ticket), step.stamp); got != step.want {
			t.Errorf("ticket %d: %s, want %s", step.ticket, got, step.want)
		}
	}
	if r.Count(Accepted) != 3 || r.Count(Replayed) != 2 || r.Count(Expired) != 3 {
		t.Errorf("counted %d, %d, %d", r.Count(Accepted), r.Count(Replayed), r.Count(Expired))
	}
}

func TestTicketsOfOtherNodes(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct {
		up, age time.Duration // of the register, of the ticket
		step    time.Duration // by which the clock of the host was set
		want    Verdict
	}{
		"given before this register began":    {up: time.Minute, age: 2 * time.Minute, want: Unsafe},
		"given when it began":                 {up: time.Minute, age: time.Minute, want: Unsafe},
		"so soon after that clocks may hide":  {up: time.Minute, age: 55 * s, want: Unsafe},
		"given later":                         {up: time.Minute, age: 54 * s, want: Accepted},
		"given by a clock that is fast":       {up: time.Minute, age: -5 * s, want: Accepted},
		"given by a clock that is too fast":   {up: time.Minute, age: -6 * s, want: ClockDiffers},
		"too old":                             {up: 3 * time.Hour, age: 2 * time.Hour, want: Expired},
		"the clock of this host was set":      {up: time.Minute, age: 10 * s, step: 6 * s, want: ClockDiffers},
		"the clock of this host was set back": {up: time.Minute, age: 10 * s, step: -6 * s, want: ClockDiffers},
		"the clock of this host was adjusted": {up: time.Minute, age: 10 * s, step: 4 * s, want: Accepted},
	} {
		h := newHands()
		r := open(t, Settings{Buckets: 16, Life: time.Hour, Clock: h.clock("a")})
		h.pass(tt.up)
		issued := h.wall.Load() - int64(tt.age)
		h.wall.Add(int64(tt.step))
		stamp := Stamp{Register: 42, Issued: issued}
		if got := r.Strike(ticket(1), stamp); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		if got := r.Strike(ticket(1), stamp); got == Accepted {
			t.Errorf("%s: accepted a second time", name)
		}
	}
}

func TestStrikesOutliveTheProcessButNotTheBoot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "strikes")
	h := newHands()
	settings := Settings{Path: file, Buckets: 16, Life: time.Hour, Clock: h.clock("a")}
	first := open(t, settings)
	stamp := first.Stamp()
	first.Strike(ticket(1), stamp)
	closeNow(t, first)

	h.pass(time.Minute)
	second := open(t, settings)
	if got := second.Strike(ticket(1), stamp); got != Replayed {
		t.Errorf("after a restart: %s", got)
	}
	if got := second.Strike(ticket(2), stamp); got != Accepted {
		t.Errorf("one that was not used before the restart: %s", got)
	}
	closeNow(t, second)
	if got := second.Strike(ticket(3), stamp); got != Unsafe || second.Stamp() != (Stamp{}) || second.Bytes() != 0 {
		t.Errorf("a closed register: %s", got)
	}

	h.boot.Store(0)
	settings.Clock = h.clock("b")
	third := open(t, settings)
	for n := range 3 {
		if got := third.Strike(ticket(n), stamp); got != Unsafe {
			t.Errorf("after a boot: ticket %d is %s", n, got)
		}
	}
	if got := third.Strike(ticket(4), third.Stamp()); got != Accepted {
		t.Errorf("given after the boot: %s", got)
	}
}

func TestClockSetBackAtABootAcceptsNothingAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "strikes")
	h := newHands()
	settings := Settings{Path: file, Buckets: 16, Life: time.Hour, Clock: h.clock("a")}
	first := open(t, settings)
	h.pass(time.Minute)
	foreign := Stamp{Register: 42, Issued: h.wall.Load()}
	if got := first.Strike(ticket(1), foreign); got != Accepted {
		t.Fatalf("before: %s", got)
	}
	closeNow(t, first)
	h.boot.Store(0)
	h.wall.Add(-int64(30 * time.Minute))
	settings.Clock = h.clock("b")
	second := open(t, settings)
	for n := range 120 {
		h.pass(time.Minute)
		if got := second.Strike(ticket(1), foreign); got == Accepted {
			t.Fatal("accepted again")
		}
		if got := second.Strike(ticket(2+n), second.Stamp()); got != Accepted {
			t.Fatalf("one given %d minutes after the boot: %s", n+1, got)
		}
	}
}

func TestTimeOfAFormerRegisterIsKeptOverOthers(t *testing.T) {
	h := newHands()
	settings := Settings{Path: filepath.Join(t.TempDir(), "strikes"), Buckets: 16, Life: 10 * time.Hour, Clock: h.clock("a")}
	first := open(t, settings)
	h.pass(time.Minute)
	foreign := Stamp{Register: 42, Issued: h.wall.Load()}
	if got := first.Strike(ticket(1), foreign); got != Accepted {
		t.Fatalf("before: %s", got)
	}
	closeNow(t, first)
	h.wall.Add(-int64(2 * time.Hour))
	for _, boot := range []string{"b", "c"} {
		settings.Clock = h.clock(boot)
		closeNow(t, open(t, settings))
	}
	last := open(t, settings)
	h.pass(3 * time.Hour)
	if got := last.Strike(ticket(1), foreign); got != Unsafe {
		t.Errorf("used before two boots: %s", got)
	}
	later := Stamp{Register: 42, Issued: h.wall.Load()}
	if got := last.Strike(ticket(2), later); got != Accepted {
		t.Errorf("given when all that is over: %s", got)
	}
}

func TestRegisterBeginsAnewWhereItDoesNotFit(t *testing.T) {
	h := newHands()
	usual := Settings{Buckets: 16, Life: time.Hour, Clock: h.clock("a")}
	for name, change := range map[string]func(*testing.T, *Settings){
		"another life":  func(_ *testing.T, s *Settings) { s.Life = 2 * time.Hour },
		"another size":  func(_ *testing.T, s *Settings) { s.Buckets = 32 },
		"a set clock":   func(_ *testing.T, s *Settings) { h.wall.Add(int64(time.Minute)) },
		"cut short":     func(t *testing.T, s *Settings) { write(t, s.Path, 0, nil, 100) },
		"empty":         func(t *testing.T, s *Settings) { write(t, s.Path, 0, nil, 0) },
		"a broken head": func(t *testing.T, s *Settings) { write(t, s.Path, 16, []byte{1}, -1) },
		"another file":  func(t *testing.T, s *Settings) { write(t, s.Path, 0, make([]byte, 4096), -1) },
		"another boot":  func(_ *testing.T, s *Settings) { s.Clock = h.clock("b") },
		"longer":        func(t *testing.T, s *Settings) { write(t, s.Path, 0, nil, int64(s.size())+1) },
	} {
		t.Run(name, func(t *testing.T) {
			s := usual
			s.Path = filepath.Join(t.TempDir(), "strikes")
			before := open(t, s)
			stamp := before.Stamp()
			before.Strike(ticket(1), stamp)
			closeNow(t, before)
			h.pass(time.Second)
			change(t, &s)
			after := open(t, s)
			for n := range 2 {
				if got := after.Strike(ticket(n), stamp); got == Accepted {
					t.Errorf("ticket %d from before is accepted", n)
				}
			}
			if got := after.Strike(ticket(3), after.Stamp()); got != Accepted {
				t.Errorf("a new one is %s", got)
			}
		})
	}
}

func write(t *testing.T, path string, at int64, data []byte, size int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(data, at)
	if size >= 0 {
		err = errors.Join(err, f.Truncate(size))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestRegisterInUseKeepsItsSettings(t *testing.T) {
	h := newHands()
	s := Settings{Path: filepath.Join(t.TempDir(), "strikes"), Buckets: 16, Life: time.Hour, Clock: h.clock("a")}
	first := open(t, s)
	other := s
	other.Life = 2 * time.Hour
	if _, err := Open(other); !errors.Is(err, ErrInUse) {
		t.Errorf("other settings: %v", err)
	}
	stamp := first.Stamp()
	h.wall.Add(int64(time.Minute)) // a set clock is borne with while another process has it
	second := open(t, s)
	if a, b := first.Strike(ticket(1), stamp), second.Strike(ticket(1), stamp); a != Accepted || b != Replayed {
		t.Errorf("%s, %s", a, b)
	}
	if second.Stamp().Register != stamp.Register {
		t.Error("it began anew under the first")
	}
}

// Each ticket is struck by all at once, in buckets far too few: none may be accepted twice, at no time.
func TestNoTicketIsAcceptedTwiceUnderContention(t *testing.T) {
	h := newHands()
	s := Settings{Path: filepath.Join(t.TempDir(), "strikes"), Buckets: 4, Life: time.Hour, Clock: h.clock("a")}
	const tickets, runners = 4000, 8
	var accepted [tickets]atomic.Int32
	base := open(t, s).Stamp()
	var all sync.WaitGroup
	for runner := range runners {
		r := open(t, s) // a mapping of its own, as another process has
		all.Go(func() {
			for n := range tickets {
				n = (n + runner%3) % tickets
				stamp := Stamp{base.Register, base.Issued + int64(n)*int64(time.Second)/2}
				if r.Strike(ticket(n), stamp) == Accepted {
					accepted[n].Add(1)
				}
			}
		})
	}
	all.Wait()
	total := 0
	for n := range tickets {
		if got := accepted[n].Load(); got > 1 {
			t.Fatalf("ticket %d was accepted %d times", n, got)
		} else {
			total += int(got)
		}
	}
	if total < tickets/10 {
		t.Errorf("only %d of %d were accepted at all", total, tickets)
	}
}

func TestFullRegisterForgetsNoneThatItWouldAccept(t *testing.T) {
	h := newHands()
	r := open(t, Settings{Buckets: 8, Life: time.Hour, Clock: h.clock("a")})
	const tickets = 1000
	var stamps [tickets]Stamp
	crowded := 0
	for n := range tickets {
		h.pass(time.Second)
		stamps[n] = r.Stamp()
		if v := r.Strike(ticket(n), stamps[n]); v == Crowded {
			crowded++
		}
	}
	if crowded != 0 {
		t.Errorf("%d new tickets were refused for want of room: the oldest should go", crowded)
	}
	for n := range tickets {
		if v := r.Strike(ticket(n), stamps[n]); v == Accepted {
			t.Fatalf("ticket %d was accepted again: %s", n, v)
		}
	}
	if r.Bytes() != headerBytes+8*bucketBytes {
		t.Errorf("%d bytes", r.Bytes())
	}
}

func TestUnusableFileIsAnError(t *testing.T) {
	if _, err := Open(Settings{Path: filepath.Join(t.TempDir(), "none", "strikes")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	dir := t.TempDir()
	link := filepath.Join(dir, "strikes")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Settings{Path: link}); err == nil {
		t.Error("a link is followed")
	}
}

func BenchmarkStrike(b *testing.B) {
	r, err := Open(Settings{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	b.ReportAllocs()
	stamp := r.Stamp()
	for n := 0; b.Loop(); n++ {
		r.Strike(ticket(n), stamp)
	}
}

func TestFileCutShortUnderAProcessEndsTheEarlyDataAlone(t *testing.T) {
	s := Settings{Path: filepath.Join(t.TempDir(), "strikes"), Buckets: 1024, Clock: newHands().clock("a")}
	r := open(t, s)
	stamp := r.Stamp()
	if got := r.Strike(ticket(1), stamp); got != Accepted {
		t.Fatal(got)
	}
	if err := os.Truncate(s.Path, 0); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if got := r.Strike(ticket(n), stamp); got != Unsafe {
			t.Errorf("ticket %d: %s", n, got)
		}
	}
	if got := r.Stamp(); got != (Stamp{}) {
		t.Errorf("stamp %+v", got)
	}
}
