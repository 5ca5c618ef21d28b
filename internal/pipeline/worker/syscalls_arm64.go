package worker

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// archCalls are the calls that only arm64 needs.
func archCalls() []uint32 { return []uint32{unix.SYS_GETRLIMIT} }
