package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// slowWorker names a folder in the environment of this program where it is a video worker that does not get ready.
const slowWorker = "QUICEDGE_TEST_SLOW_WORKER"

// beSlowWorker ends at once where the folder has no file "hold", else when that is removed. It leaves a file "held".
func beSlowWorker(dir string) {
	err := os.WriteFile(filepath.Join(dir, "held"), nil, 0o600)
	for end := time.Now().Add(patience); err == nil && time.Now().Before(end); {
		_, err = os.Stat(filepath.Join(dir, "hold"))
		<-time.After(10 * time.Millisecond)
	}
}

// TestAnOverrideSetWithinAnUpgradeStays sets one when the new process has read the old ones. It waits there for its video worker.
func TestAnOverrideSetWithinAnUpgradeStays(t *testing.T) {
	dir := t.TempDir()
	hold, held := filepath.Join(dir, "hold"), filepath.Join(dir, "held")
	t.Setenv(slowWorker, dir)
	worker, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n := startWorkers(t, "--video-worker", worker)
	before := n.lookup("198.51.100.7").MTU
	if err := os.Remove(held); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 1)
	go func() {
		_, out, _ := n.run("upgrade", "-o", "json")
		asked <- out
	}()
	n.until("the new process waits for its worker", func() bool { _, err := os.Stat(held); return err == nil })
	if code, _, errs := n.run("mtu", "set", "--province", "23", "1360"); code != 0 {
		t.Fatalf("mtu set: exit %d, %s", code, errs)
	}
	if mtu := n.lookup("198.51.100.7").MTU; mtu != 1360 || before == mtu {
		t.Fatalf("the MTU was %d, and is %d in the old process", before, mtu)
	}
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	var answer struct{ PID int }
	if out := <-asked; json.Unmarshal([]byte(out), &answer) != nil || answer.PID == 0 {
		t.Fatalf("upgrade: %q", out)
	}
	n.gone(n.cmd.Process.Pid)
	n.until("the new process has the override", func() bool { return n.lookup("198.51.100.7").MTU == 1360 })
	syscall.Kill(answer.PID, syscall.SIGTERM)
	n.gone(answer.PID)
}
