package doctor

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Fences are what the kernel offers to keep a video worker to itself.
type Fences struct {
	Seccomp  bool
	Landlock int // version of its interface; 0: none
	// UserNamespaces says why a user without rights may not make one, and with it a network of its own; empty: it may.
	UserNamespaces string
}

func gatherFences() Fences {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	f := Fences{Landlock: int(version)}
	if errno != 0 {
		f.Landlock = 0
	}
	actions, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	f.Seccomp = err == nil && strings.Contains(string(actions), "kill_process")
	f.UserNamespaces = whyNoUserNamespace(readSysctl)
	return f
}

// whyNoUserNamespace names the setting that forbids user namespaces, of those that distributions have.
func whyNoUserNamespace(read func(name string) (string, bool)) string {
	for _, s := range []struct{ name, forbids string }{
		{"user.max_user_namespaces", "0"},
		{"user.max_net_namespaces", "0"},
		{"kernel.unprivileged_userns_clone", "0"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1"},
	} {
		if value, there := read(s.name); there && value == s.forbids {
			return s.name + " is " + value
		}
	}
	return ""
}

// fences judges them. A worker goes on without any of them, behind those that are left.
func (f Facts) fences() []Finding {
	found := make([]Finding, 0, 3)
	add := func(check string, there bool, has, lacks, cure string) {
		if there {
			found = append(found, ok(check, "%s", has))
			return
		}
		found = append(found, warning(check, lacks, cure))
	}
	add("video seccomp", f.Fences.Seccomp, "workers have only the system calls of a codec",
		"this kernel filters no system calls: a codec that is taken over may make any", "use a kernel with CONFIG_SECCOMP_FILTER")
	add("video landlock", f.Fences.Landlock > 0, "version "+strconv.Itoa(f.Fences.Landlock),
		"this kernel has it not, or not switched on: files are kept from workers by seccomp alone", "add landlock to lsm= on the kernel's command line")
	why, name := f.Fences.UserNamespaces, ""
	if why != "" {
		name, _, _ = strings.Cut(why, " ")
	}
	add("video network namespace", why == "", "workers have a network of their own",
		why+": the network is kept from workers by seccomp alone", "sysctl -w "+name+"="+allowing(name))
	return found
}

// allowing is a value of a setting with which user namespaces are made.
func allowing(name string) string {
	switch {
	case strings.HasPrefix(name, "user.max_"):
		return "1000"
	case name == "kernel.apparmor_restrict_unprivileged_userns":
		return "0"
	}
	return "1"
}
