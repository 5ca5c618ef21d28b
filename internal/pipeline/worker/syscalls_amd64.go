package worker

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// archCalls are the older forms of calls that x86-64 has beside those of every architecture.
func archCalls() []uint32 {
	return []uint32{
		unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_CREATE, unix.SYS_EVENTFD, unix.SYS_TIME,
		unix.SYS_GETRLIMIT, unix.SYS_ARCH_PRCTL, unix.SYS_ALARM,
	}
}
