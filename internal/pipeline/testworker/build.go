// Package testworker builds quicedge-video for tests, from the sources that are being tested.
package testworker

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var build = sync.OnceValues(buildWorker)

// Path returns the path of a fresh quicedge-video. It takes a second, and the first time as long as the native parts
// take to come.
func Path(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// buildWorker puts the program into build/test, in a folder for this test's program: those of other packages may be
// building at the same time.
func buildWorker() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find go.mod: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	path := filepath.Join(root, "build", "test", filepath.Base(os.Args[0]), "quicedge-video")
	cmd := exec.Command("bash", "-c", `eval "$(native/env.sh)" && exec go build -o "$0" ./cmd/quicedge-video`, path)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build quicedge-video: %w: %s", err, out)
	}
	return path, nil
}
