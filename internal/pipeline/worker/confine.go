package worker

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"quicedge/internal/pipeline/infer"
)

// The worker yields to the server: it decodes what strangers send, and its frames can wait longer than a packet can.
const (
	niceness = 5
	oomScore = "500" // the kernel ends a worker before it ends the node
)

// threadStack is what each thread of the C libraries maps for its stack: 8 MiB by itself, which for two dozen threads is a
// sixth of what the worker may map.
const threadStack = 2 << 20

// confine gives up what a codec does not need and starts the program again. A running Go program has several threads,
// and limits of privilege are a thread's own: after exec there is one thread, and all later ones descend from it.
func confine(maxMemory int64, args []string) error {
	runtime.LockOSThread()
	if err := limit(maxMemory); err != nil {
		return err
	}
	// Without a right to do so these two change nothing, and nothing depends on them.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	environ, err := holdLibrary()
	if err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	// Not by its path: without capabilities even root may not search another user's folders.
	if err := syscall.Exec("/proc/self/exe", append([]string{os.Args[0]}, args...), environ); err != nil {
		return fmt.Errorf("start %s again: %w", os.Args[0], err)
	}
	return nil
}

// holdLibrary opens ONNX Runtime while it can be reached, and returns the environment in which the confined program finds it.
func holdLibrary() ([]string, error) {
	path, err := infer.FindLibrary()
	if err != nil {
		return nil, err
	}
	if infer.OffersCUDA(path) { // it looks for its parts beside itself, so it must be reached by its own path
		return append(os.Environ(), infer.LibraryEnv+"="+path), nil
	}
	fd, err := unix.Open(path, unix.O_RDONLY, 0) // survives exec
	if err != nil {
		return nil, fmt.Errorf("open onnx runtime %s: %w", path, err)
	}
	if err := os.Setenv(infer.LibraryEnv, fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil {
		return nil, fmt.Errorf("name onnx runtime: %w", err)
	}
	return os.Environ(), nil
}

// limit bounds memory and forbids core dumps, which would hold what a client sent. RLIMIT_DATA counts what is mapped
// writable; RLIMIT_AS would count the address space that Go reserves and never touches.
func limit(maxMemory int64) error {
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 64, unix.RLIMIT_STACK: threadStack}
	if maxMemory > 0 {
		limits[unix.RLIMIT_DATA] = uint64(maxMemory)
	}
	for resource, value := range limits {
		var old unix.Rlimit
		if err := unix.Getrlimit(resource, &old); err != nil {
			return fmt.Errorf("read limit %d: %w", resource, err)
		}
		value = min(value, old.Max)
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("set limit %d to %d: %w", resource, value, err)
		}
	}
	return nil
}

// dropCapabilities empties every set. A root that runs exec would get the bounding set back, were it not for
// no_new_privs; both are dropped all the same.
func dropCapabilities() error {
	for c := 0; c <= unix.CAP_LAST_CAP; c++ {
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0) // needs CAP_SETPCAP, which few users have
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}
