package pipeline

import (
	"os/exec"
	"runtime"
)

// launcher starts processes from one thread that lives as long as the pool. The kernel sends a child its parent-death
// signal when the thread that forked it ends (prctl(2), PR_SET_PDEATHSIG), and Go ends threads as it likes.
type launcher struct {
	requests chan launchRequest
}

type launchRequest struct {
	cmd  *exec.Cmd
	done chan<- error
}

func newLauncher() *launcher {
	l := &launcher{requests: make(chan launchRequest)}
	go l.loop()
	return l
}

func (l *launcher) loop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for req := range l.requests {
		req.done <- req.cmd.Start()
	}
}

// start is exec.Cmd.Start on the launcher's thread.
func (l *launcher) start(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	l.requests <- launchRequest{cmd: cmd, done: done}
	return <-done
}

// stop ends the thread; no child may be left.
func (l *launcher) stop() { close(l.requests) }
