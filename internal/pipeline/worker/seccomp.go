package worker

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Where a filter finds things in struct seccomp_data (seccomp(2)): the machine words are little endian on both architectures.
const (
	callOffset = 0
	archOffset = 4
	argsOffset = 16
)

// Verdicts of a filter.
const (
	allow  = unix.SECCOMP_RET_ALLOW
	refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	absent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	kill   = unix.SECCOMP_RET_KILL_PROCESS
)

func verdict(v uint32) bpf.Instruction { return bpf.RetConstant{Val: v} }

// lock leaves all threads of this process, and those to come, nothing but the calls of a codec at work: memory, threads,
// time, and reading and writing what is open. It opens no file, makes no socket and no process. A call that no codec makes
// by mistake ends the worker with SIGSYS, any other that is not on the list fails with EPERM. With a GPU it may also open
// and map what Landlock leaves of the files, and talk to devices: the GPU's library does so at any time.
func lock(gpu bool) error {
	program, err := bpf.Assemble(filterProgram(os.Getpid(), gpu))
	if err != nil {
		return fmt.Errorf("assemble seccomp filter: %w", err)
	}
	code := make([]unix.SockFilter, len(program))
	for i, in := range program {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(code)
	if errno != 0 {
		return fmt.Errorf("set seccomp filter: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("set seccomp filter: thread %d has another one", thread)
	}
	return nil
}

// filterProgram is the filter of the process pid.
func filterProgram(pid int, gpu bool) []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: archOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		verdict(kill), // 32-bit calls have other numbers
		bpf.LoadAbsolute{Off: callOffset, Size: 4},
	}
	plain := plainCalls()
	if gpu {
		plain = append(plain, gpuCalls()...)
	}
	for _, nr := range plain {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: 1}, verdict(allow))
	}
	for _, c := range checkedCalls(uint32(pid)) {
		// The body ends with a verdict, so that it may change the accumulator.
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: c.nr, SkipFalse: uint8(len(c.body))})
		program = append(program, c.body...)
	}
	for _, nr := range hostileCalls() {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: 1}, verdict(kill))
	}
	return append(program, verdict(refuse))
}

// checkedCall is a call that is allowed with some arguments.
type checkedCall struct {
	nr   uint32
	body []bpf.Instruction
}

func checkedCalls(pid uint32) []checkedCall {
	return []checkedCall{
		{unix.SYS_CLONE3, []bpf.Instruction{verdict(absent)}}, // its flags cannot be seen; libc then takes clone
		{unix.SYS_CLONE, where(0, bpf.JumpBitsSet, unix.CLONE_THREAD)},
		{unix.SYS_TGKILL, where(0, bpf.JumpEqual, pid)},
		{unix.SYS_MMAP, where(2, bpf.JumpBitsNotSet, unix.PROT_EXEC)},
		{unix.SYS_MPROTECT, where(2, bpf.JumpBitsNotSet, unix.PROT_EXEC)},
		{unix.SYS_PRLIMIT64, whereNull(2)}, // to read
		{unix.SYS_NEWFSTATAT, where(3, bpf.JumpBitsSet, unix.AT_EMPTY_PATH)},
		{unix.SYS_PRCTL, where(0, bpf.JumpEqual, unix.PR_SET_NAME, unix.PR_SET_VMA)},
		{unix.SYS_FCNTL, where(1, bpf.JumpEqual, unix.F_GETFL, unix.F_SETFL, unix.F_GETFD, unix.F_SETFD, unix.F_DUPFD_CLOEXEC)},
	}
}

// where allows a call whose argument satisfies cond with one of the values: all of 32 bits, of which alone the kernel takes
// notice.
func where(arg int, cond bpf.JumpTest, values ...uint32) []bpf.Instruction {
	body := []bpf.Instruction{bpf.LoadAbsolute{Off: uint32(argsOffset + 8*arg), Size: 4}}
	for _, v := range values {
		body = append(body, bpf.JumpIf{Cond: cond, Val: v, SkipFalse: 1}, verdict(allow))
	}
	return append(body, verdict(refuse))
}

// whereNull allows a call whose argument is no pointer: both halves are 0.
func whereNull(arg int) []bpf.Instruction {
	offset := uint32(argsOffset + 8*arg)
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: offset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		bpf.LoadAbsolute{Off: offset + 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		verdict(allow),
		verdict(refuse),
	}
}
