package pipeline

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// WorkerName is the file name of the worker's binary.
const WorkerName = "quicedge-video"

// findWorker returns the absolute path of the worker's binary: the given one, the one beside this executable, or the
// one in PATH.
func findWorker(path string) (string, error) {
	if path != "" {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", fmt.Errorf("find video worker %s: no such program; build it with `make build` or name another", path)
		}
		return filepath.Abs(path)
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), WorkerName)
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	if found, err := exec.LookPath(WorkerName); err == nil {
		return filepath.Abs(found)
	}
	return "", fmt.Errorf("find video worker: no %s beside this program or in PATH; build it with `make build`", WorkerName)
}

// workerFD is the least number that the worker's binary is open under: above those that a child gets for its own files.
const workerFD = 64

// openWorker holds the worker's binary open and returns a path that executes it. Workers are started as long as the node
// lives: also when it has given up the right to search the folders on the way, and when a newer build, which may speak
// another protocol, has taken the file's name.
func openWorker(path string) (*os.File, string, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", fmt.Errorf("open video worker %s: %w", path, err)
	}
	defer unix.Close(fd)
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, workerFD)
	if err != nil {
		return nil, "", fmt.Errorf("hold video worker %s: %w", path, err)
	}
	return os.NewFile(uintptr(high), path), fmt.Sprintf("/proc/self/fd/%d", high), nil
}
