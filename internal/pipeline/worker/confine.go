package worker

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/wire"
)

// The worker yields to the server: it decodes what strangers send, and its frames can wait longer than a packet can.
const (
	niceness = 5     // more than the node has
	oomScore = "500" // the kernel ends a worker before it ends the node

	// Threads of the Go runtime and of the node's pool, and those of decoder, encoder and model, which count the CPUs.
	threadsBase   = 64
	threadsPerCPU = 8
)

// threadStack is what each thread of the C libraries maps for its stack: 8 MiB by itself, which for two dozen threads is a
// sixth of what the worker may map.
const threadStack = 2 << 20

// limits bounds what a worker may take of the machine; 0 sets no limit.
type limits struct {
	memory int64 // bytes that may be allocated
	file   int64 // bytes of the spool
}

// confine gives up what a codec does not need and starts the program again. A running Go program has several threads,
// and limits of privilege are a thread's own: after exec there is one thread, and all later ones descend from it.
func confine(l limits, args []string) error {
	runtime.LockOSThread()
	if err := l.set(); err != nil {
		return err
	}
	if err := standBack(); err != nil {
		return err
	}
	// Without a right to do so this changes nothing, and nothing depends on it.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	library, environ, err := holdLibrary()
	if err != nil {
		return err
	}
	fences, err := encodeFences([]wire.Fence{fence(wire.FenceNetwork, networkError()), fence(wire.FenceFiles, restrictFiles(library))})
	if err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	args = append([]string{os.Args[0]}, append(args, "--confined", "--fences", fences)...)
	// Not by its path: without capabilities even root may not search another user's folders.
	if err := syscall.Exec("/proc/self/exe", args, environ); err != nil {
		return fmt.Errorf("start %s again: %w", os.Args[0], err)
	}
	return nil
}

// standBack gives way to the node, wherever that stands itself.
func standBack() error {
	own, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return fmt.Errorf("read own nice value: %w", err)
	}
	const zero = 20 // what the call returns for a nice value of 0; getpriority(2), Notes
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, zero-own+niceness); err != nil {
		return fmt.Errorf("lower own priority: %w", err)
	}
	return nil
}

// fence is a fence that stands, or is missing for a reason.
func fence(name string, err error) wire.Fence {
	f := wire.Fence{Name: name}
	if err != nil {
		f.Missing = err.Error()
	}
	return f
}

// encodeFences and decodeFences carry what stands over exec.
func encodeFences(fences []wire.Fence) (string, error) {
	text, err := json.Marshal(fences)
	if err != nil {
		return "", fmt.Errorf("encode fences: %w", err)
	}
	return string(text), nil
}

func decodeFences(text string) (fences []wire.Fence, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &fences); err != nil {
		return nil, fmt.Errorf("read --fences: %w", err)
	}
	return fences, nil
}

// holdLibrary opens ONNX Runtime while it can be reached, and returns it, or the folder of one with a GPU's parts, and the
// environment in which the confined program finds it.
func holdLibrary() (library int, environ []string, err error) {
	path, err := infer.FindLibrary()
	if err != nil {
		return 0, nil, err
	}
	if infer.OffersCUDA(path) { // it looks for its parts beside itself, so it must be reached by its own path
		folder, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, nil, fmt.Errorf("open folder of onnx runtime %s: %w", path, err)
		}
		return folder, append(os.Environ(), infer.LibraryEnv+"="+path), nil
	}
	fd, err := unix.Open(path, unix.O_RDONLY, 0) // survives exec
	if err != nil {
		return 0, nil, fmt.Errorf("open onnx runtime %s: %w", path, err)
	}
	if err := os.Setenv(infer.LibraryEnv, fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil {
		return 0, nil, fmt.Errorf("name onnx runtime: %w", err)
	}
	return fd, os.Environ(), nil
}

// set bounds memory and the spool, and forbids core dumps, which would hold what a client sent. RLIMIT_DATA counts what is
// mapped writable; RLIMIT_AS would count the address space that Go reserves and never touches. The number of threads is a
// user's own: it can be bounded where the worker is alone in a user namespace.
func (l limits) set() error {
	values := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 64, unix.RLIMIT_STACK: threadStack, unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0}
	if networkError() == nil {
		values[unix.RLIMIT_NPROC] = uint64(threadsBase + threadsPerCPU*runtime.NumCPU())
	}
	if l.memory > 0 {
		values[unix.RLIMIT_DATA] = uint64(l.memory)
	}
	if l.file > 0 {
		values[unix.RLIMIT_FSIZE] = uint64(l.file)
	}
	for resource, value := range values {
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
