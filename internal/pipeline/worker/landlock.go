package worker

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights of Landlock (landlock(7)) by the version of its interface that brought them.
const (
	readRights    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	programRights = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	firstRights   = 1<<13 - 1 // version 1: all up to MAKE_SYM
)

// readable is what a program needs on its way to its first job: shared libraries, what they ask of the machine, and what a
// GPU's library opens. Nobody's data is among it.
func readable() []string {
	return []string{
		"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/cuda", "/etc/ld.so.cache",
		"/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/driver/nvidia", "/proc/sys/vm",
		"/sys/devices", "/sys/bus/pci", "/sys/fs/cgroup", "/sys/kernel/mm",
	}
}

// devices are those of GPUs, which alone may be opened to write.
func devices() []string {
	return []string{"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia2", "/dev/nvidia3"}
}

// restrictFiles takes from this thread, and from the program that it becomes, the right to reach any file but those of
// readable, the program itself and library, a file or a folder, to use TCP, and to signal other programs. The error is ENOSYS or EOPNOTSUPP
// where the kernel has no Landlock.
func restrictFiles(library int) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("ask for landlock: %w", errno)
	}
	attr := rights(int(version))
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Offsetof(attr.Quiet_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("make landlock rules: %w", errno)
	}
	rules := ruleset{fd: int(fd), handled: attr.Handled_access_fs}
	defer unix.Close(rules.fd)
	if err := rules.fill(library); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("enforce landlock rules: %w", errno)
	}
	return nil
}

// rights is all that a version of Landlock can refuse.
func rights(version int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: firstRights}
	for _, more := range []struct {
		since           int
		fs, net, scoped uint64
	}{
		{since: 2, fs: unix.LANDLOCK_ACCESS_FS_REFER},
		{since: 3, fs: unix.LANDLOCK_ACCESS_FS_TRUNCATE},
		{since: 4, net: unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP},
		{since: 5, fs: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
		{since: 6, scoped: unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL},
	} {
		if version >= more.since {
			attr.Handled_access_fs |= more.fs
			attr.Handled_access_net |= more.net
			attr.Scoped |= more.scoped
		}
	}
	return attr
}

// ruleset is a set of rules that is being filled.
type ruleset struct {
	fd      int
	handled uint64
}

func (r ruleset) fill(library int) error {
	if err := r.allow(library, readRights); err != nil {
		return err
	}
	if err := r.allowPaths(programRights, "/proc/self/exe"); err != nil {
		return err
	}
	if err := r.allowPaths(readRights|programRights, readable()...); err != nil {
		return err
	}
	const device = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	return r.allowPaths(device, devices()...)
}

// allowPaths gives rights on those paths that exist and can be reached, and on all beneath them.
func (r ruleset) allowPaths(rights uint64, paths ...string) error {
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			continue
		}
		if err != nil {
			return fmt.Errorf("open %s for landlock: %w", path, err)
		}
		err = r.allow(fd, rights)
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("allow %s: %w", path, err)
		}
	}
	return nil
}

// allow gives rights on what fd is open on. A file takes no right of a folder.
func (r ruleset) allow(fd int, rights uint64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("look at a file for landlock: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &^= unix.LANDLOCK_ACCESS_FS_READ_DIR
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.handled, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("add landlock rule: %w", errno)
	}
	return nil
}
