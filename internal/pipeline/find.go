package pipeline

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
