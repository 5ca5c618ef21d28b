// Package e2e runs the built programs as their users do: in network namespaces, over real links, with real clients. It tests
// the binaries of build/, so "make build" comes first; "make test" does both.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"quicedge/internal/netnstest"
)

const patience = 30 * time.Second // what a condition is given to come true on a slow machine

var program, _ = filepath.Abs("../../build/quicedge")

func TestMain(m *testing.M) {
	if dir := os.Getenv(slowWorker); dir != "" {
		beSlowWorker(dir)
		os.Exit(1)
	}
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintln(os.Stderr, "the end-to-end tests run build/quicedge: run make build first")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// buffer collects output that is read while it is written.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// node is a running quicedge.
type node struct {
	t              *testing.T
	ns             netnstest.NS
	program        string // build/quicedge, unless a test puts it elsewhere
	state, pins    string
	files          []*os.File // what begin gives to the node, from descriptor 3 on
	cmd            *exec.Cmd
	ended          chan struct{}
	stdout, stderr *buffer
}

// place gives a node its namespace and folders; start may be called more than once on it.
func place(t *testing.T, ns netnstest.NS) *node {
	t.Helper()
	return &node{t: t, ns: ns, program: program, state: t.TempDir(), pins: fmt.Sprintf("/sys/fs/bpf/quicedge-e2e-%d-%d", os.Getpid(), time.Now().UnixNano())}
}

// folders are the flags that every command of this node has.
func (n *node) folders() []string { return []string{"--state-dir", n.state, "--pin-dir", n.pins} }

// start runs the node and waits until it says that it runs.
func (n *node) start(args ...string) {
	n.t.Helper()
	n.launch(args...)
	n.until("the node says that it runs", func() bool {
		select {
		case <-n.ended:
			n.t.Fatalf("the node ended: %s\n%s", n.cmd.ProcessState, n.stderr)
		default:
		}
		return strings.Contains(n.stdout.String(), "try:")
	})
}

func (n *node) launch(args ...string) { n.t.Helper(); n.begin("run", args...) }

// begin starts a command that runs until it is told to end.
func (n *node) begin(command string, args ...string) {
	n.t.Helper()
	n.stdout, n.stderr, n.ended = &buffer{}, &buffer{}, make(chan struct{})
	n.cmd = exec.Command(n.program, append(append([]string{command}, args...), n.folders()...)...)
	n.cmd.Stdout, n.cmd.Stderr, n.cmd.ExtraFiles = n.stdout, n.stderr, n.files
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // one group with the processes that take over
	var err error
	netnstest.Do(n.t, n.ns, func() { err = n.cmd.Start() })
	if err != nil {
		n.t.Fatal(err)
	}
	cmd, ended := n.cmd, n.ended
	go func() { cmd.Wait(); close(ended) }()
	n.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // fails where the test has stopped them
		<-ended
		n.run("unload", "--iface", "lo")
		n.run("unload", "--iface", "edge0")
		if n.t.Failed() {
			n.t.Logf("node's log:\n%s", n.stderr)
		}
	})
}

// stop ends the node as a supervisor does and returns its exit code.
func (n *node) stop() int {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
	return n.wait()
}

func (n *node) wait() int {
	n.t.Helper()
	select {
	case <-n.ended:
	case <-time.After(patience):
		n.t.Fatalf("the node did not end:\n%s", n.stderr)
	}
	return n.cmd.ProcessState.ExitCode()
}

// run runs another command with this node's folders in its namespace.
func (n *node) run(args ...string) (code int, stdout, stderr string) {
	n.t.Helper()
	return n.exec(exec.Command(n.program, append(args, n.folders()...)...))
}

// exec runs any program in the node's namespace.
func (n *node) exec(cmd *exec.Cmd) (code int, stdout, stderr string) {
	n.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var err error
	netnstest.Do(n.t, n.ns, func() { err = cmd.Run() })
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		n.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// until waits for a condition.
func (n *node) until(what string, holds func() bool) {
	n.t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			n.t.Fatalf("in vain: %s\n%s", what, n.stderr)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// operator is an HTTP client in the node's namespace.
func (n *node) operator() *http.Client {
	dial := func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		netnstest.Do(n.t, n.ns, func() {
			var d net.Dialer
			conn, err = d.DialContext(ctx, network, addr)
		})
		return conn, err
	}
	transport := &http.Transport{DialContext: dial}
	n.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * patience}
}
