package main

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"
)

// env is what a command touches of the process around it, so that tests can stand in for it.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        map[string]string
	terminal       bool // whether stderr is a terminal

	screen func() (rows int, ok bool) // of stdout; not ok where it is no terminal
	now    func() time.Time           // the time
	clock  func(every time.Duration) (ticks <-chan time.Time, stop func())
}

func processEnv() env {
	e := env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: map[string]string{}, terminal: isatty.IsTerminal(os.Stderr.Fd())}
	e.screen, e.now, e.clock = stdoutRows, time.Now, wallClock
	for _, pair := range os.Environ() {
		if name, value, ok := strings.Cut(pair, "="); ok {
			e.environ[name] = value
		}
	}
	return e
}

// stdoutRows is the height of the terminal that stdout is, if it is one.
func stdoutRows() (rows int, ok bool) {
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Row), true
}

func wallClock(every time.Duration) (ticks <-chan time.Time, stop func()) {
	t := time.NewTicker(every)
	return t.C, t.Stop
}
