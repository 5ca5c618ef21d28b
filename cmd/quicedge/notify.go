package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// supervisor is the service manager that waits for this process (sd_notify(3)); without one nothing is sent.
type supervisor struct{ log *slog.Logger }

// ready says that the process serves, and that it is the service's main one, which another may have been until now.
func (s supervisor) ready() { s.tell(fmt.Sprintf("MAINPID=%d\n%s", os.Getpid(), daemon.SdNotifyReady)) }

// reloading says that a reload begins; reloaded ends it. The time must come in the same message.
func (s supervisor) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		s.log.Warn("the service manager is not told of the reload", "error", err)
		return
	}
	s.tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

// reloaded does not say which process is the main one: another may have taken over meanwhile.
func (s supervisor) reloaded() { s.tell(daemon.SdNotifyReady) }

func (s supervisor) stopping() { s.tell(daemon.SdNotifyStopping) }

func (s supervisor) alive() { s.tell(daemon.SdNotifyWatchdog) }

func (s supervisor) tell(what string) {
	if _, err := daemon.SdNotify(false, what); err != nil {
		s.log.Warn("the service manager cannot be told", "error", err)
	}
}

// watchdog ticks twice in the time in which the service manager wants to hear of the process; never where it does not care.
func (s supervisor) watchdog() (ticks <-chan time.Time, stop func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("no watchdog", "error", err)
	}
	if every <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(every / 2)
	return t.C, t.Stop
}
