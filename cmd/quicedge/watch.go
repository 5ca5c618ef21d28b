package main

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// rhythm is when a command that goes on prints again.
type rhythm struct {
	interval time.Duration
	count    int // 0: until it is interrupted
}

func (r *rhythm) flags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&r.interval, "interval", time.Second, "time between two outputs")
	cmd.Flags().IntVar(&r.count, "count", 0, "end after so many outputs (0: when interrupted)")
}

// shortest is the shortest interval: reading every counter takes a few milliseconds.
const shortest = 100 * time.Millisecond

func (r *rhythm) check() error {
	if r.interval < shortest {
		return usageError{fmt.Errorf("--interval %s: use %s or more", r.interval, shortest)}
	}
	if r.count < 0 {
		return usageError{fmt.Errorf("--count %d: use 0 or more", r.count)}
	}
	return nil
}

// each calls f in a rhythm, with the time and how long it is since the last call. An interrupt ends it in good order.
func (a *app) each(ctx context.Context, r rhythm, f func(at time.Time, took time.Duration) error) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ticks, stopClock := a.clock(r.interval)
	defer stopClock()
	last := a.now()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case at := <-ticks:
			if err := f(at, at.Sub(last)); err != nil || n == r.count {
				return err
			}
			last = at
		}
	}
}
