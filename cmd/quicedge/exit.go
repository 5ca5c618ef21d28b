package main

import (
	"errors"
	"os"
	"strings"

	"quicedge/internal/config"
	"quicedge/internal/dataplane"
	"quicedge/internal/pipeline/recipe"
)

// Exit codes. A supervisor starts none of 1, 2, 4 and 5 again: another try would end the same way.
const (
	exitOK           = 0
	exitFailed       = 1
	exitUsage        = 2
	exitDegraded     = 3
	exitNotPermitted = 4
	exitUnsupported  = 5
)

// errDegraded is that something works, and not all of it.
var errDegraded = errors.New("degraded")

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var usage usageError
	var setting *config.Error
	var recipes *recipe.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), errors.As(err, &setting), errors.As(err, &recipes), cobraUsage(err):
		return exitUsage
	case errors.Is(err, errDegraded):
		return exitDegraded
	case errors.Is(err, dataplane.ErrNotPermitted), errors.Is(err, os.ErrPermission):
		return exitNotPermitted
	case errors.Is(err, dataplane.ErrUnsupported):
		return exitUnsupported
	}
	return exitFailed
}

// cobraUsage finds the two mistakes in a command line that cobra reports without a type.
func cobraUsage(err error) bool {
	return strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "required flag")
}
