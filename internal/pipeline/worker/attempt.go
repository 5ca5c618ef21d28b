package worker

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"quicedge/internal/pipeline/wire"
)

// attempt is --attempt: a confined worker tries, in place of its first job, what a stranger who has taken over a codec
// would try. The error is what stood in the way; what a fence kills returns nothing. Unlocked leaves the filter of system
// calls away, to see the other fences.
func attempt(name string, unlocked bool, stderr io.Writer) error {
	try, ok := attempts()[name]
	if !ok {
		return fmt.Errorf("attempt %q is none of %s", name, strings.Join(attemptNames(), ", "))
	}
	if !unlocked {
		if err := lock(false); err != nil {
			return err
		}
	}
	if err := try(); err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	fmt.Fprintln(stderr, "allowed")
	return nil
}

func attemptNames() []string {
	var names []string
	for name := range attempts() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func attempts() map[string]func() error {
	return map[string]func() error{
		"work":         func() error { return nil },
		"connect":      connect,
		"read-passwd":  func() error { return open("/etc/passwd", unix.O_RDONLY) },
		"write-file":   func() error { return open(os.TempDir()+"/quicedge-attempt", unix.O_CREAT|unix.O_WRONLY) },
		"exec":         func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
		"start":        func() error { return exec.Command("/bin/true").Start() },
		"fork":         fork,
		"trace":        func() error { return unix.PtraceAttach(os.Getppid()) },
		"signal":       func() error { return unix.Kill(os.Getppid(), 0) },
		"signal-by-tg": func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), 0) },
		"new-code":     func() error { return mapAnonymous(4096, unix.PROT_READ|unix.PROT_EXEC) },
		"memory":       func() error { return mapAnonymous(1<<36, unix.PROT_READ|unix.PROT_WRITE) },
		"raise-limit":  raiseLimit,
		"large-file":   largeFile,
		"bpf":          func() error { return errnoOf(unix.Syscall(unix.SYS_BPF, 0, 0, 0)) },
		"namespace":    func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
	}
}

func errnoOf(_, _ uintptr, errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// connect reaches for a host of the Internet; a datagram socket sends nothing by that.
func connect() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("make socket: %w", err)
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{192, 0, 2, 1}})
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return unix.Close(fd)
}

// fork makes a process without a program of its own, which a filter that looks for exec alone would let pass.
func fork() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	switch {
	case errno != 0:
		return errno
	case pid == 0:
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return nil
}

func mapAnonymous(size, protection int) error {
	_, err := unix.Mmap(-1, 0, size, protection, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return err
}

func raiseLimit() error {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CPU, &now); err != nil {
		return fmt.Errorf("read limit: %w", err)
	}
	return unix.Setrlimit(unix.RLIMIT_CPU, &now)
}

// largeFile writes a byte beyond the largest spool.
func largeFile() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return fmt.Errorf("read limit: %w", err)
	}
	if limit.Cur > 1<<62 {
		return nil
	}
	_, err := unix.Pwrite(wire.SpoolFD, []byte{1}, int64(limit.Cur))
	return err
}
