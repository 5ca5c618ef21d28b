package pipeline

import (
	"context"
	"errors"
	"os/exec"
	"syscall"

	"quicedge/internal/pipeline/wire"
)

// Why a worker was replaced: the values of the label reason of quicedge_video_worker_restarts_total.
const (
	endedStart     = "start"     // it did not start
	endedKilled    = "killed"    // SIGKILL from elsewhere, as when memory runs out
	endedCrashed   = "crashed"   // another signal: a fault in C
	endedSeccomp   = "seccomp"   // a call that it must not make
	endedCPUTime   = "cpu_time"  // its job used up the CPU time
	endedExited    = "exited"    // it ended by itself
	endedStuck     = "stuck"     // it took no job
	endedStalled   = "stalled"   // nothing moved in its job
	endedTimeout   = "timeout"   // its job took too long
	endedDeadline  = "deadline"  // the client's deadline has passed
	endedCancelled = "cancelled" // the client is gone
	endedTooLarge  = "too_large" // the body is too large
	endedProtocol  = "protocol"  // it sent what is no frame
	endedClient    = "client"    // the client's body or answer broke
	endedUnclean   = "unclean"   // its job's end and another cause crossed
)

// reasonOf is why this side ends a worker.
func reasonOf(cause error) string {
	for _, known := range []struct {
		err    error
		reason string
	}{
		{errNotTaken, endedStuck},
		{errStalled, endedStalled},
		{ErrTimeout, endedTimeout},
		{ErrTooLarge, endedTooLarge},
		{wire.ErrFrame, endedProtocol},
		{context.DeadlineExceeded, endedDeadline},
		{context.Canceled, endedCancelled},
	} {
		if errors.Is(cause, known.err) {
			return known.reason
		}
	}
	return endedClient
}

// reasonOfState is why a worker ended by itself.
func reasonOfState(cmd *exec.Cmd) string {
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled() && status.Signal() == syscall.SIGKILL:
		return endedKilled
	case ok && status.Signaled() && status.Signal() == syscall.SIGSYS:
		return endedSeccomp
	case ok && status.Signaled(), ok && status.ExitStatus() == goFault:
		return endedCrashed
	case ok && status.ExitStatus() == wire.ExitCPUTime:
		return endedCPUTime
	}
	return endedExited
}

// goFault is the exit status of a Go program that ends by a fault, in C too.
const goFault = 2
