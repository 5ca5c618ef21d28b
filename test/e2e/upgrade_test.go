package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"quicedge/internal/netnstest"
)

// upgrade puts another process in the place of the node's, and returns its process ID. The test ends it.
func (n *node) upgrade(args ...string) int {
	n.t.Helper()
	code, out, errs := n.run(append([]string{"upgrade", "-o", "json"}, args...)...)
	var answer struct{ PID int }
	if err := json.Unmarshal([]byte(out), &answer); code != 0 || err != nil || answer.PID == 0 {
		n.t.Fatalf("upgrade: exit %d, %v, %s%s\n%s", code, err, out, errs, n.stderr)
	}
	n.t.Cleanup(func() { syscall.Kill(answer.PID, syscall.SIGKILL) }) // fails where the test has ended it
	return answer.PID
}

// gone waits for the end of a process.
func (n *node) gone(pid int) {
	n.t.Helper()
	n.until(fmt.Sprintf("process %d ends", pid), func() bool { return ended(pid) })
}

func ended(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // other threads may end after the first, and hold its files until then
	return len(tasks) <= 1 && strings.Contains(string(text), ") Z ")
}

func startWorkers(t *testing.T, args ...string) *node {
	t.Helper()
	netnstest.NeedBPF(t)
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a client here is no *net.UDPConn
	n := place(t, netnstest.New(t))
	n.start(append([]string{"--iface", "lo", "--workers", "4", "--prefixes", demo, "--video-worker", "/nowhere"}, args...)...)
	return n
}

// steeredBy runs a test where the kernel brings datagrams to their process and worker, and where these do it themselves.
func steeredBy(t *testing.T, test func(t *testing.T, iface string)) {
	for name, iface := range map[string]string{"the kernel": "lo", "the workers": "none"} {
		t.Run("steered by "+name, func(t *testing.T) { test(t, iface) })
	}
}

// TestAnUpgradeKeepsConnections changes the program under 50 clients whose ports change too; some move to other sockets.
func TestAnUpgradeKeepsConnections(t *testing.T) { steeredBy(t, upgradeKeepsConnections) }

func upgradeKeepsConnections(t *testing.T, iface string) {
	n := startWorkers(t, "--iface", iface)
	var clients []*surfer
	for range 50 {
		s, err := surf(t, n.ns)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, s)
	}
	pid := n.upgrade()
	for i, s := range clients {
		if err := errors.Join(s.rebind(), s.get()); err != nil {
			t.Errorf("client %d of the old process: %v", i, err)
		}
	}
	for i, s := range clients[:8] {
		if err := errors.Join(s.migrate(), s.get()); err != nil {
			t.Errorf("client %d of the old process, which moves: %v", i, err)
		}
	}
	if status, _ := n.get("http://localhost:8080/readyz"); status != 200 {
		t.Errorf("the new process is not ready: %d", status)
	}
	select {
	case <-n.ended:
		t.Fatalf("the old process ended before its connections:\n%s", n.stderr)
	default:
	}
	for _, s := range clients {
		s.close()
	}
	n.gone(n.cmd.Process.Pid)
	s, err := surf(t, n.ns)
	if err != nil {
		t.Fatalf("the new process serves nobody: %v", err)
	}
	if err := errors.Join(s.rebind(), s.get()); err != nil {
		t.Error(err)
	}
	syscall.Kill(pid, syscall.SIGTERM)
	n.gone(pid)
	if _, err := os.Stat(n.pins); !os.IsNotExist(err) {
		t.Errorf("pins are left: %v", err)
	}
	if _, err := os.Stat(filepath.Join(n.state, "admin.sock")); !os.IsNotExist(err) {
		t.Errorf("the admin socket is left: %v", err)
	}
}

func TestAProgramThatFailsToStartLeavesTheOldOneServing(t *testing.T) { steeredBy(t, failsToStart) }

func failsToStart(t *testing.T, iface string) {
	n := startWorkers(t, "--iface", iface)
	old, err := surf(t, n.ns)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\nexit 9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{bad: "exit status 9", "/nowhere/quicedge": "no such file"} {
		if code, _, errs := n.run("upgrade", name); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("upgrade to %s: exit %d, %s", name, code, errs)
		}
	}
	if err := errors.Join(old.rebind(), old.get()); err != nil {
		t.Error(err)
	}
	if _, err := surf(t, n.ns); err != nil {
		t.Errorf("new clients: %v", err)
	}
	if code := n.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestKillingTheOldProcessWithinAnUpgrade kills it at moments from the start of the new one on. New connections go on.
func TestKillingTheOldProcessWithinAnUpgrade(t *testing.T) { steeredBy(t, killWithinUpgrade) }

func killWithinUpgrade(t *testing.T, iface string) {
	n := startWorkers(t, "--iface", iface)
	old := n.cmd.Process.Pid
	for round := range times(5, 200) {
		if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		var next int
		n.until("a new process starts", func() bool {
			for _, pid := range children(t, old) {
				environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
				if err == nil && strings.Contains(string(environ), "HANDOVER_FD=") && runsAProgram(pid) {
					next = pid
				}
			}
			return next != 0
		})
		for range round % 5 * 3 {
			if s, err := surf(t, n.ns); err == nil { // some time passes, of which the old process may see the end
				s.close()
			}
		}
		syscall.Kill(old, syscall.SIGKILL)
		n.gone(old) // until then it may begin to answer a client
		for range 20 {
			s, err := surf(t, n.ns)
			if err != nil {
				t.Fatalf("round %d: a new client: %v; the new process has ended: %v", round, err, ended(next))
			}
			s.close()
		}
		old = next
	}
	syscall.Kill(old, syscall.SIGTERM)
	n.gone(old)
}

// runsAProgram says of a child that it is no longer a copy of its parent, with the parent's environment: PF_FORKNOEXEC among the flags of
// proc_pid_stat(5). Before its first program a process of Go makes a copy that ends at once, to see what the kernel can do.
func runsAProgram(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 7 {
		return false
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	const forkedOnly = 0x40
	return err == nil && flags&forkedOnly == 0
}

// TestKillingTheNewProcessGivesThePortBack kills the one that has taken over, while the old one has a connection left.
func TestKillingTheNewProcessGivesThePortBack(t *testing.T) { steeredBy(t, killNew) }

func killNew(t *testing.T, iface string) {
	n := startWorkers(t, "--iface", iface)
	old, err := surf(t, n.ns)
	if err != nil {
		t.Fatal(err)
	}
	pid := n.upgrade()
	if s, err := surf(t, n.ns); err != nil {
		t.Fatal(err)
	} else {
		s.close()
	}
	syscall.Kill(pid, syscall.SIGKILL)
	n.gone(pid)
	for range 20 {
		s, err := surf(t, n.ns)
		if err != nil {
			t.Fatalf("a new client: %v", err)
		}
		s.close()
	}
	if err := errors.Join(old.rebind(), old.get()); err != nil {
		t.Errorf("the client that was there before: %v", err)
	}
	again := &node{t: t, ns: n.ns, program: n.program, state: n.state, pins: n.pins} // as a supervisor starts it
	again.start("--iface", iface, "--workers", "4", "--prefixes", demo, "--video-worker", "/nowhere")
	if code, _, errs := n.run("reload"); code != 0 {
		t.Errorf("reload of the node that was started again: exit %d, %s", code, errs)
	}
	if err := old.get(); err != nil && iface == "lo" { // else the kernel spreads its datagrams over both
		t.Errorf("the client that was there before, beside a node that was started again: %v", err)
	}
	old.close()
	syscall.Kill(n.cmd.Process.Pid, syscall.SIGTERM)
	n.gone(n.cmd.Process.Pid)
	if _, err := surf(t, n.ns); err != nil {
		t.Errorf("a client of the node that was started again: %v", err)
	}
	if code := again.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestANodeThatStopsWithinAnUpgradeTakesTheNewProcessAlong stops it while a program does not get ready.
func TestANodeThatStopsWithinAnUpgradeTakesTheNewProcessAlong(t *testing.T) {
	n := startWorkers(t)
	hangs := filepath.Join(t.TempDir(), "hangs")
	if err := os.WriteFile(hangs, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	asked := make(chan int, 1)
	go func() {
		code, _, _ := n.run("upgrade", hangs)
		asked <- code
	}()
	var sleeping int
	n.until("the program runs", func() bool {
		for _, pid := range children(t, n.cmd.Process.Pid) {
			name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			if err == nil && strings.TrimSpace(string(name)) == "sleep" {
				sleeping = pid
			}
		}
		return sleeping != 0
	})
	if code := n.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	n.gone(sleeping)
	if code := <-asked; code == 0 {
		t.Error("the upgrade has succeeded")
	}
	if _, err := os.Stat(n.pins); !os.IsNotExist(err) {
		t.Errorf("pins are left: %v", err)
	}
}

// TestTheFirstProcessOfAContainerIsNotUpgraded asks a node that is process 1, whose end is that of all processes there.
func TestTheFirstProcessOfAContainerIsNotUpgraded(t *testing.T) {
	n := place(t, netnstest.New(t))
	contain := filepath.Join(t.TempDir(), "contain")
	if err := os.WriteFile(contain, []byte("#!/bin/sh\nexec unshare --pid --fork --kill-child "+program+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	n.program = contain
	n.start("--iface", "none", "--video-worker", "/nowhere")
	n.program = program
	if code, _, errs := n.run("upgrade"); code != 1 || !strings.Contains(errs, "replace the container") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if status, _ := n.get("http://localhost:8080/readyz"); status != 200 {
		t.Errorf("the node is not ready: %d", status)
	}
}
