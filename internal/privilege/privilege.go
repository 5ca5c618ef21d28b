// Package privilege gives up the process's capabilities once all that needs them is done (capabilities(7)).
package privilege

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Drop gives up the capabilities of every thread: none stays effective, inheritable or ambient. Those in keep stay permitted,
// for With to raise; the rest are gone for good. Descriptors that are open stay usable; files are reached as their owner only.
func Drop(keep ...cap.Value) error {
	if err := cap.ResetAmbient(); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	left, err := permitted(keep)
	if err != nil {
		return err
	}
	if err := left.SetProc(); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// permitted returns a set in which those of keep that the process has are permitted.
func permitted(keep []cap.Value) (*cap.Set, error) {
	left, now := cap.NewSet(), cap.GetProc()
	for _, v := range keep {
		has, err := now.GetFlag(cap.Permitted, v)
		if err == nil && has {
			err = left.SetFlag(cap.Permitted, true, v)
		}
		if err != nil {
			return nil, fmt.Errorf("read capability %s: %w", v, err)
		}
	}
	return left, nil
}

// With calls f on a thread of its own in which one permitted capability is effective; no other thread gains it. Where the
// process does not have it, f runs without.
func With(v cap.Value, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and the capability with it
		raise(v)
		f()
	}()
	<-done
}

// raise makes a permitted capability effective in the calling thread only, which the library's calls for whole processes
// cannot do. A refusal is not reported: f's own system call will say what it lacks.
func raise(v cap.Value) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return
	}
	data[v/32].Effective |= data[v/32].Permitted & (1 << (v % 32))
	unix.Capset(&header, &data[0])
}
