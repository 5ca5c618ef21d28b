package main

import (
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// env is what a command touches of the process around it, so that tests can stand in for it.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        map[string]string
	terminal       bool // whether stderr is a terminal
}

func processEnv() env {
	e := env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: map[string]string{}, terminal: isatty.IsTerminal(os.Stderr.Fd())}
	for _, pair := range os.Environ() {
		if name, value, ok := strings.Cut(pair, "="); ok {
			e.environ[name] = value
		}
	}
	return e
}
