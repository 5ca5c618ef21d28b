package replay

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock tells the time. A register goes by the time since the host booted, counted on from what the wall clock said when the
// register began: nobody sets that, it is one for all processes, and sleep is in it.
type Clock struct {
	Wall   func() int64 // nanoseconds since 1970
	Boot   func() int64 // nanoseconds since the host booted
	BootID string       // of this boot
}

func hostClock() (Clock, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil { // in some sandboxes: a register that begins with each process is safe too
		id = []byte(rand.Text())
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return Clock{}, fmt.Errorf("read the time since boot: %w", err)
	}
	return Clock{
		Wall: func() int64 { return time.Now().UnixNano() },
		Boot: func() int64 {
			var now unix.Timespec
			if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
				return 1 << 62 // it was read above: if it cannot be any more, every ticket has expired
			}
			return now.Nano()
		},
		BootID: strings.TrimSpace(string(id)),
	}, nil
}

// now is the register's time: nanoseconds since 1970.
func (r *Register) now() int64 { return r.header.offset.Load() + r.clock.Boot() }
