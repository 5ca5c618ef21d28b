package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"quicedge"
	"quicedge/internal/adminsocket"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/statedir"
)

// Build compiles a command of this module without cgo.
func Build(ctx context.Context, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, said)
	}
	return nil
}

// Row gives a class an MTU in the node's table.
type Row struct {
	ID  class.ID
	MTU uint16 // bytes of the IP packet
}

// Table returns the shipped table, with the rows that it has for the classes given replaced, as CSV.
func Table(rows []Row) ([]byte, error) {
	t, err := mtu.ParseTable(bytes.NewReader(quicedge.DefaultTable), "the shipped table")
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		t, _ = t.Without(mtu.For(r.ID))
		t = t.With(mtu.For(r.ID), r.MTU)
	}
	var b bytes.Buffer
	err = t.Write(&b)
	return b.Bytes(), err
}

// PrefixTable gives the addresses of every class to it, as CSV.
func PrefixTable() []byte {
	var b bytes.Buffer
	b.WriteString("prefix,province_id,isp\n")
	for _, id := range class.All() {
		if id == 0 {
			continue
		}
		for _, p := range Prefixes(id) {
			fmt.Fprintf(&b, "%s,%s,%s\n", p, id.Province(), id.ISP())
		}
	}
	return b.Bytes()
}

// Node is our own node as a lab runs it.
type Node struct {
	Program string   // the built quicedge
	Folder  string   // where its tables and state go
	Root    string   // the files that it serves
	Rows    []Row    // what it is told beyond the shipped table
	Args    []string // more flags of "quicedge run"
	Env     []string // settings as variables, QUICEDGE_TICK=1s
}

// drain is short: clients that are gone without a word, as in a lossy network, must not be waited for.
const drain = "1s"

// Command writes the node's tables and returns the command that runs it, and the folder of its pins, which is to be removed when it has ended.
func (n Node) Command() (cmd *exec.Cmd, pins string, err error) {
	return n.command("run", "--listen", fmt.Sprintf(":%d", Port), "--root", n.Root, "--drain-timeout", drain)
}

func (n Node) command(args ...string) (cmd *exec.Cmd, pins string, err error) {
	if err := os.MkdirAll(n.state(), 0o700); err != nil {
		return nil, "", err
	}
	table, err := Table(n.Rows)
	if err != nil {
		return nil, "", err
	}
	files := map[string][]byte{n.file("prefixes.csv"): PrefixTable(), n.file("mtu.csv"): table}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return nil, "", err
		}
	}
	pins = fmt.Sprintf("/sys/fs/bpf/quicedge-lab-%d-%d", os.Getpid(), time.Now().UnixNano())
	args = append(args, "--iface", Device, "--state-dir", n.state(), "--pin-dir", pins, "--prefixes", n.file("prefixes.csv"), "--table", n.file("mtu.csv"))
	cmd = exec.Command(n.Program, append(args, n.Args...)...)
	cmd.Env = append(os.Environ(), n.Env...)
	return cmd, pins, nil
}

func (n Node) file(name string) string { return filepath.Join(n.Folder, name) }

func (n Node) state() string { return n.file("state") }

// StartNode runs our node at the edge and waits until it serves.
func (l *Lab) StartNode(ctx context.Context, n Node) (*Server, error) {
	cmd, pins, err := n.Command()
	if err != nil {
		return nil, fmt.Errorf("prepare the node: %w", err)
	}
	s := newServer(cmd, func() error { return os.RemoveAll(pins) })
	s.State, s.Pins = n.state(), pins
	return l.start(ctx, s, func(ctx context.Context) error {
		if err := l.greet(ctx); err != nil { // which succeeds before requests are served
			return err
		}
		return s.answers(ctx)
	})
}

// answers asks the admin socket, which answers from when all of the node is up.
func (s *Server) answers(ctx context.Context) error {
	_, err := s.Admin().Loop(ctx)
	return err
}

// StartAgent runs "quicedge agent" at the edge, beside a server that is another program, and waits until it answers commands.
func (l *Lab) StartAgent(ctx context.Context, n Node) (*Server, error) {
	cmd, pins, err := n.command("agent", "--ports", strconv.Itoa(Port))
	if err != nil {
		return nil, fmt.Errorf("prepare the agent: %w", err)
	}
	s := newServer(cmd, func() error { return os.RemoveAll(pins) })
	s.State, s.Pins = n.state(), pins
	return l.start(ctx, s, s.answers)
}

// Admin returns a client of the admin socket of our node or agent.
func (s *Server) Admin() adminsocket.Client { return adminsocket.Dial(statedir.At(s.State).Socket()) }
