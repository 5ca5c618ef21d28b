package main

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

// ticksOf is a clock that has ticked already, at the seconds given, and runs f when it is started.
func ticksOf(f func(), seconds ...int) func(time.Duration) (<-chan time.Time, func()) {
	return func(time.Duration) (<-chan time.Time, func()) {
		ticks := make(chan time.Time, len(seconds))
		for _, s := range seconds {
			ticks <- began.Add(time.Duration(s) * time.Second)
		}
		f()
		return ticks, func() {}
	}
}

func TestRhythmTellsHowLongEachIntervalWas(t *testing.T) {
	a := &app{env: env{now: func() time.Time { return began }, clock: ticksOf(func() {}, 1, 3, 6, 7)}}
	var took []time.Duration
	err := a.each(t.Context(), rhythm{time.Second, 3}, func(_ time.Time, d time.Duration) error {
		took = append(took, d)
		return nil
	})
	if want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}; err != nil || !slices.Equal(took, want) {
		t.Errorf("%v, %v; want %v", took, err, want)
	}
}

func TestRhythmEndsInGoodOrderWhenInterrupted(t *testing.T) {
	interrupt := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
	}
	a := &app{env: env{now: func() time.Time { return began }, clock: ticksOf(interrupt)}}
	if err := a.each(t.Context(), rhythm{interval: time.Second}, func(time.Time, time.Duration) error { return errors.New("ticked") }); err != nil {
		t.Error(err)
	}
}

func TestRhythmEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	a := &app{env: env{now: func() time.Time { return began }, clock: ticksOf(func() {}, 1, 2)}}
	n := 0
	if err := a.each(t.Context(), rhythm{interval: time.Second}, func(time.Time, time.Duration) error { n++; return broken }); !errors.Is(err, broken) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}
