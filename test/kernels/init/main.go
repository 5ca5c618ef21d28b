// Command init is process 1 of a machine that test/kernels/run boots: it mounts what the tests expect, loads the modules, runs
// every test binary under /tests, and says by its last line how they ended.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	err := boot()
	if err == nil {
		err = runTests()
	}
	verdict := "ok"
	if err != nil {
		verdict = "failed: " + err.Error()
	}
	// The script that booted the machine looks for this line.
	fmt.Printf("\nkernel tests %s\n", verdict)
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func boot() error {
	for _, m := range []struct{ kind, at, options string }{
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"bpf", "/sys/fs/bpf", "mode=0700"},
		{"cgroup2", "/sys/fs/cgroup", ""},
		{"devtmpfs", "/dev", ""},
		{"tmpfs", "/tmp", ""},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, m.options); err != nil {
			return fmt.Errorf("mount %s at %s: %w", m.kind, m.at, err)
		}
	}
	// tun looks for its device here; the kernel names it so only where udev is.
	if err := os.MkdirAll("/dev/net", 0o755); err != nil {
		return err
	}
	return loadModules()
}

// loadModules tries them all until none is left: one that needs another comes in after it.
func loadModules() error {
	left, err := filepath.Glob("/modules/*.ko")
	if err != nil {
		return err
	}
	for len(left) > 0 {
		var refused []string
		for _, name := range left {
			if err = loadModule(name); err != nil {
				refused = append(refused, name)
			}
		}
		if len(refused) == len(left) {
			return fmt.Errorf("load modules %v: %w", refused, err)
		}
		left = refused
	}
	return nil
}

func loadModule(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// runTests runs each binary in its own folder, with the arguments in the file beside it.
func runTests() (err error) {
	binaries, err := filepath.Glob("/tests/internal/*/*.test")
	if err != nil || len(binaries) == 0 {
		return errors.Join(errors.New("no tests under /tests"), err)
	}
	for _, binary := range binaries {
		args, readErr := os.ReadFile(binary + ".args")
		cmd := exec.Command(binary, strings.Fields(string(args))...)
		cmd.Dir = filepath.Dir(binary)
		cmd.Env = []string{"HOME=/tmp", "TMPDIR=/tmp", "PATH=/", "QUICEDGE_REQUIRE_BPF=1", "QUICEDGE_REQUIRE_DEVICES=1"}
		fmt.Printf("\n%s %s\n", strings.TrimPrefix(binary, "/tests/"), args)
		if runErr := errors.Join(readErr, runQuietly(cmd)); runErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", filepath.Base(binary), runErr))
		}
	}
	return err
}

// runQuietly runs a command and prints what it says, but for the subtests that begin and pass: each letter on the console
// costs the emulator time, and they are thousands.
func runQuietly(cmd *exec.Cmd) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		return errors.Join(err, r.Close())
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !ofASubtest(lines.Text()) {
			fmt.Println(lines.Text())
		}
	}
	return errors.Join(lines.Err(), r.Close(), cmd.Wait())
}

// ofASubtest reports whether a line says that a subtest begins, goes on after it waited, or passed.
func ofASubtest(line string) bool {
	verb, name, _ := strings.Cut(strings.TrimLeft(line, "= "), " ")
	switch verb {
	case "RUN", "PAUSE", "CONT", "NAME":
		return strings.HasPrefix(line, "=== ") && strings.Contains(name, "/")
	}
	return strings.HasPrefix(line, " ") && strings.HasPrefix(strings.TrimSpace(line), "--- PASS: ")
}
