package dataplane

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const twoCaps = "cap_bpf,cap_net_admin=ep"

func TestTwoCapabilitiesSuffice(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		for range 2 { // a first load, and an upgrade
			if out, err := l.child(nil, childEnv+"=load", childCaps+"="+twoCaps); err != nil {
				t.Fatalf("load: %v\n%s", err, out)
			}
		}
		if !l.clamps(l.listen(harbin4)) {
			t.Error("does not clamp")
		}
		if out, err := l.child(nil, childEnv+"=unload", childCaps+"="+twoCaps); err != nil {
			t.Fatalf("unload: %v\n%s", err, out)
		}
		l.mustBeGone("unloaded", "edge0")
	})
}

// Whatever kernel.unprivileged_bpf_disabled is here: a serving node has no capability in effect while its loop runs.
func TestProfilesAreKeptWithoutAnyCapability(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		if out, err := l.child(nil, childEnv+"=keep", childCaps+"="+twoCaps); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestMissingCapabilityIsNamed(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		for _, caps := range []string{"cap_net_admin=ep", "cap_bpf=ep", "="} {
			out, err := l.child(nil, childEnv+"=load", childCaps+"="+caps)
			if err == nil || !strings.Contains(out, "not permitted") || !strings.Contains(out, "CAP_BPF and CAP_NET_ADMIN") {
				t.Errorf("with %s: %v\n%s", caps, err, out)
			}
			l.mustBeGone("load without rights", "edge0")
		}
	})
}

// In a mount namespace of its own the child finds no BPF file system.
func TestMissingBPFFSIsMounted(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		hidden := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if out, err := l.child(hidden, childEnv+"="+childNoBPFFS); err != nil {
			t.Errorf("load: %v\n%s", err, out)
		}
		out, err := l.child(hidden, childEnv+"="+childNoBPFFS, childCaps+"="+twoCaps)
		if _, failed := err.(*exec.ExitError); !failed || !strings.Contains(out, "mount -t bpf bpf /sys/fs/bpf") {
			t.Errorf("without the right to mount: %v\n%s", err, out)
		}
		// Their pins went with their mount, and TCX links with their pins. Filters are known by their names.
		if err := l.unload(); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("unload: %v", err)
		}
		l.mustBeGone("children ended", "edge0")
	})
}
