package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"quicedge"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
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
}

// drain is short: clients that are gone without a word, as in a lossy network, must not be waited for.
const drain = "1s"

// Command writes the node's tables and returns the command that runs it, and the folder of its pins, which is to be removed when it has ended.
func (n Node) Command() (cmd *exec.Cmd, pins string, err error) {
	state := filepath.Join(n.Folder, "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, "", err
	}
	table, err := Table(n.Rows)
	if err != nil {
		return nil, "", err
	}
	files := map[string][]byte{"prefixes.csv": PrefixTable(), "mtu.csv": table}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(n.Folder, name), content, 0o600); err != nil {
			return nil, "", err
		}
	}
	pins = fmt.Sprintf("/sys/fs/bpf/quicedge-lab-%d-%d", os.Getpid(), time.Now().UnixNano())
	args := []string{
		"run", "--listen", fmt.Sprintf(":%d", Port), "--iface", Device, "--root", n.Root, "--state-dir", state, "--pin-dir", pins,
		"--drain-timeout", drain, "--prefixes", filepath.Join(n.Folder, "prefixes.csv"), "--table", filepath.Join(n.Folder, "mtu.csv"),
	}
	return exec.Command(n.Program, append(args, n.Args...)...), pins, nil
}

// StartNode runs our node at the edge and waits until it serves.
func (l *Lab) StartNode(ctx context.Context, n Node) (*Server, error) {
	cmd, pins, err := n.Command()
	if err != nil {
		return nil, fmt.Errorf("prepare the node: %w", err)
	}
	return l.start(ctx, cmd, func() error { return os.RemoveAll(pins) })
}
