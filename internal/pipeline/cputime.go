package pipeline

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// limitCPU lets the worker use so much more CPU time. The limit is a process's, not a job's, so it moves from job to job: its
// soft half, which a user may raise again; the worker ends itself when that is reached (wire.ExitCPUTime), and cannot move
// it, for it may not set limits. A node that may not either, being another user, leaves it.
func (c *child) limitCPU(more time.Duration) error {
	used, err := cpuTime(c.pid())
	if err != nil {
		return err
	}
	limit := unix.Rlimit{Cur: uint64((used + more + time.Second - 1) / time.Second), Max: unix.RLIM_INFINITY}
	var old unix.Rlimit
	if err := unix.Prlimit(c.pid(), unix.RLIMIT_CPU, nil, &old); err == nil {
		limit.Max = old.Max
		limit.Cur = min(limit.Cur, old.Max)
	}
	if err := unix.Prlimit(c.pid(), unix.RLIMIT_CPU, &limit, nil); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("limit cpu time of worker %d: %w", c.pid(), err)
	}
	return nil
}

// cpuTime is what a process has used, of all its threads. Its clock's number is that of clock_getcpuclockid(3).
func cpuTime(pid int) (time.Duration, error) {
	const process = 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|process), &used); err != nil {
		return 0, fmt.Errorf("read cpu time of worker %d: %w", pid, err)
	}
	return time.Duration(used.Nano()), nil
}
