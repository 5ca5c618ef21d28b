package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// TestAnUpgradeOfANodeThatIsNotRoots runs the node as a unit of systemd with User= and AmbientCapabilities= does. Two upgrades follow: the
// second shows that the first has passed on the rights.
func TestAnUpgradeOfANodeThatIsNotRoots(t *testing.T) { steeredBy(t, upgradeAsNobody) }

func upgradeAsNobody(t *testing.T, iface string) {
	netnstest.NeedBPF(t)
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a client here is no *net.UDPConn
	n := place(t, netnstest.New(t))
	bin := nobodysCopy(t, n)
	n.pins = filepath.Join(nobodysBPF(t), "quicedge")
	n.stdout, n.stderr, n.ended = &buffer{}, &buffer{}, make(chan struct{})
	n.cmd = exec.Command(bin, append([]string{"run", "--iface", iface, "--workers", "4", "--video-worker", "/nowhere"}, n.folders()...)...)
	n.cmd.Stdout, n.cmd.Stderr = n.stdout, n.stderr
	n.cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: []uintptr{unix.CAP_BPF, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE},
	}
	var err error
	netnstest.Do(t, n.ns, func() { err = n.cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	go func() { n.cmd.Wait(); close(n.ended) }()
	t.Cleanup(func() { n.cmd.Process.Kill() }) // fails where the test has ended it
	n.until("the node runs", func() bool { return strings.Contains(n.stdout.String(), "try:") })
	if strings.Contains(n.stdout.String(), "by the kernel") != (iface == "lo") {
		t.Fatalf("steered in another way:\n%s\n%s", n.stdout, n.stderr)
	}
	pids := []int{n.cmd.Process.Pid}
	var clients []*surfer
	for range 2 {
		s, err := surf(t, n.ns)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, s)
		pids = append(pids, n.upgrade())
	}
	for i, s := range clients {
		if err := errors.Join(s.rebind(), s.get()); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
		s.close()
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pids[2]) + "/status")
	if err != nil || !strings.Contains(string(status), "Uid:\t65534\t65534\t65534") || !strings.Contains(string(status), "CapEff:\t0000000000000000") {
		t.Errorf("the last process: %v\n%s", err, status)
	}
	for _, pid := range pids[:2] {
		n.gone(pid)
	}
	syscall.Kill(pids[2], syscall.SIGTERM)
	n.gone(pids[2])
}

// nobodysBPF mounts a BPF file system that belongs to the user nobody.
func nobodysBPF(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "quicedge-bpf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return dir
}
