package worker

import (
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"quicedge/internal/pipeline/wire"
)

// endAtCPULimit ends the program when the job's CPU time is used up. The node sets it job by job, as the soft limit of
// RLIMIT_CPU: only that can be raised again. The signal reaches the Go runtime also while all codecs loop.
func endAtCPULimit(stderr io.Writer) {
	over := make(chan os.Signal, 1)
	signal.Notify(over, unix.SIGXCPU)
	go func() {
		<-over
		fmt.Fprintln(stderr, "quicedge-video: the CPU time of the job is used up")
		os.Exit(wire.ExitCPUTime)
	}()
}
