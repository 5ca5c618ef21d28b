package dataplane

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// What a caller may tell apart by errors.Is.
var (
	ErrNotLoaded    = errors.New("data plane not loaded")
	ErrNotPermitted = errors.New("not permitted")
	ErrUnsupported  = errors.New("not supported")
	ErrNoInterface  = errors.New("no such network device")
	ErrIncompatible = errors.New("pinned by another version with another layout")
	ErrInUse        = errors.New("in use by a running node")
)

// explain says what was being done when the kernel refused, which of the sentinels it comes to, and what to do.
func explain(doing string, err error) error {
	var rejected *ebpf.VerifierError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &rejected) && !errors.Is(err, unix.EPERM): // a missing capability is EPERM, a bad program EACCES or EINVAL
		return fmt.Errorf("%s: the kernel's verifier rejects the program (%w): report it with the output of uname -a", doing, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w (%w): run as root, or grant CAP_BPF and CAP_NET_ADMIN", doing, ErrNotPermitted, err)
	case errors.Is(err, ErrUnsupported): // says itself what is
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("%s: %w by Linux %s (%w): use Linux 6.1 or later", doing, ErrUnsupported, release(), err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// unsupported says which release of Linux brought what the running kernel lacks.
func unsupported(since, what string, err error) error {
	return fmt.Errorf("%s: %w by Linux %s (%w): use Linux %s or later", what, ErrUnsupported, release(), err, since)
}

func notLoaded(pinDir string) error {
	return fmt.Errorf("open %s: %w: run quicedge load --iface IF first", pinDir, ErrNotLoaded)
}

// release is the running kernel's version as uname -r prints it.
func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "(unknown)"
	}
	return unix.ByteSliceToString(u.Release[:])
}
