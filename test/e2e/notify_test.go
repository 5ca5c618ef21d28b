package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheServiceManagerIsTold plays systemd to a node that starts, reloads, is alive, gives its place away, and stops.
func TestTheServiceManagerIsTold(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { told.Close() })
	next := func(want ...string) (message string) {
		t.Helper()
		told.SetReadDeadline(time.Now().Add(patience))
		buf := make([]byte, 512)
		for {
			n, err := told.Read(buf)
			if err != nil {
				t.Fatalf("wait for %q: %v", want, err)
			}
			if message = string(buf[:n]); message != "WATCHDOG=1" || want[0] == message {
				for _, part := range want {
					if !strings.Contains(message, part) {
						t.Errorf("told %q, want %q in it", message, part)
					}
				}
				return message
			}
		}
	}
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "200000")
	n := startWorkers(t)
	next("READY=1", fmt.Sprintf("MAINPID=%d", n.cmd.Process.Pid))
	next("WATCHDOG=1")
	n.cmd.Process.Signal(syscall.SIGHUP)
	next("RELOADING=1\nMONOTONIC_USEC=")
	if message := next("READY=1"); strings.Contains(message, "MAINPID") {
		t.Errorf("told %q at the end of a reload, within which another process may have taken over", message)
	}
	pid := n.upgrade()
	next("READY=1", fmt.Sprintf("MAINPID=%d", pid))
	n.gone(n.cmd.Process.Pid)
	next("WATCHDOG=1")
	syscall.Kill(pid, syscall.SIGTERM)
	next("STOPPING=1")
	n.gone(pid)
}
