package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// successor is the command of the process that is to take over.
func successor(program string) (*exec.Cmd, error) {
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	if !filepath.IsAbs(program) {
		return nil, fmt.Errorf("program %q: give its path from the root", program)
	}
	cmd := exec.Command(program, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WATCHDOG_PID=") })
	if os.Geteuid() != 0 { // what root starts has all that the bounding set leaves
		cmd.SysProcAttr = &syscall.SysProcAttr{AmbientCaps: permitted()}
	}
	return cmd, nil
}

// permitted returns the capabilities that this process has kept.
func permitted() (kept []uintptr) {
	now := cap.GetProc()
	for v := range cap.MaxBits() {
		if has, err := now.GetFlag(cap.Permitted, v); err == nil && has {
			kept = append(kept, uintptr(v))
		}
	}
	return kept
}
