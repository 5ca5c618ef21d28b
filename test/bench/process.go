package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running server.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	log   string
}

// start runs a server on one processor, and returns when it answers.
func start(ctx context.Context, c candidate, cpu int, log string) (*process, error) {
	if err := c.write(); err != nil {
		return nil, err
	}
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command("taskset", append([]string{"-c", strconv.Itoa(cpu)}, c.args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Env = append(os.Environ(), "HOME="+os.TempDir())
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{}), log: log}
	go func() { _ = cmd.Wait(); close(p.ended) }()
	if err := p.await(ctx, c.url); err != nil {
		p.end()
		said, _ := os.ReadFile(log)
		return nil, fmt.Errorf("%w; it said:\n%s", err, said)
	}
	return p, nil
}

func (p *process) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		conn, err := dial(once, url)
		if err == nil {
			_, err = conn.get(once, "/small.bin")
			conn.close()
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *process) end() {
	_ = p.cmd.Process.Kill() // fails where it has ended
	<-p.ended
}

// spent is the processor time of the server so far. All its work happens in one process.
func (p *process) spent() (time.Duration, error) {
	var t unix.Timespec
	// The clock of another process's time: the kernel's MAKE_PROCESS_CPUCLOCK with CPUCLOCK_SCHED.
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|2), &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", p.cmd.Process.Pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// resident is the server's memory in bytes.
func (p *process) resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", p.cmd.Process.Pid)
}
