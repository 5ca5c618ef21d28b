// Package privilege gives up the process's capabilities once all that needs them is done (capabilities(7)).
package privilege

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Drop gives up the capabilities of every thread: none stays effective, inheritable or ambient. Those in keep stay permitted,
// for With to raise; the rest are gone for good, also for programs that this one starts as root. Descriptors that are open
// stay usable; files are reached as their owner only.
func Drop(keep ...cap.Value) error {
	if err := cap.ResetAmbient(); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	left, err := permitted(keep)
	if err != nil {
		return err
	}
	if err := bound(keep); err != nil {
		return err
	}
	if err := left.SetProc(); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// bound takes all but keep out of the bounding set, from which root would get them back by starting a program. Only a process
// with CAP_SETPCAP can, and one without it has nothing there that it could get.
func bound(keep []cap.Value) error {
	if has, err := cap.GetProc().GetFlag(cap.Effective, cap.SETPCAP); err != nil || !has {
		return err
	}
	for v := range cap.MaxBits() {
		if has, err := cap.GetBound(v); err != nil || !has || slices.Contains(keep, v) {
			continue // unknown to this kernel, gone already, or kept
		}
		if err := cap.DropBound(v); err != nil {
			return fmt.Errorf("bound capability %s: %w", v, err)
		}
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

// With calls f on a thread of its own in which the permitted ones of some capabilities are effective; no other thread gains
// them. What the process does not have, f runs without.
func With(f func(), values ...cap.Value) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and the capabilities with it
		raise(values)
		f()
	}()
	<-done
}

// raise makes permitted capabilities effective in the calling thread only, which the library's calls for whole processes
// cannot do. A refusal is not reported: f's own system call will say what it lacks.
func raise(values []cap.Value) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return
	}
	for _, v := range values {
		data[v/32].Effective |= data[v/32].Permitted & (1 << (v % 32))
	}
	unix.Capset(&header, &data[0])
}
