// Package statedir keeps what outlives the node: the operator's overrides and the last table that was loaded. A file is
// written whole under another name and renamed, so that a crash or a full disk leaves the old one.
package statedir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"quicedge/internal/mtu"
)

// Dir is a state folder.
type Dir struct{ path string }

const (
	overridesFile = "overrides.csv"
	tableFile     = "table.csv"
	learnedFile   = "learned.csv"
	socketFile    = "admin.sock"
	lockFile      = "lock"
	nodeLockFile  = "node.lock"
	keyFile       = "ticket.keys"
	strikesFile   = "strikes"
)

// ErrInUse is returned by LockNode when another node has the folder.
var ErrInUse = errors.New("another node runs with this state folder")

// At names a state folder without touching it.
func At(path string) Dir { return Dir{path: path} }

// Create makes the folder where it is missing.
func (d Dir) Create() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w; name another one with --state-dir", err)
	}
	return nil
}

// Socket returns the path of the running node's admin socket.
func (d Dir) Socket() string { return filepath.Join(d.path, socketFile) }

// TicketKeys returns the path of the node's own key file.
func (d Dir) TicketKeys() string { return filepath.Join(d.path, keyFile) }

// Strikes returns the path of the register of tickets that have carried 0-RTT data.
func (d Dir) Strikes() string { return filepath.Join(d.path, strikesFile) }

// ACME is the folder of certificates, keys and accounts that ACME gave.
func (d Dir) ACME() string { return filepath.Join(d.path, "acme") }

// Overrides reads the operator's overrides; none is an empty table.
func (d Dir) Overrides() (*mtu.Table, error) {
	return read(filepath.Join(d.path, overridesFile), mtu.ParseOverrides)
}

// UpdateOverrides replaces the overrides by what change makes of them, one caller at a time.
func (d Dir) UpdateOverrides(change func(*mtu.Table) (*mtu.Table, error)) error {
	if err := d.Create(); err != nil {
		return err
	}
	unlock, err := d.lock(lockFile, unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	table, err := d.Overrides()
	if err != nil {
		return err
	}
	if table, err = change(table); err != nil {
		return err
	}
	return d.write(overridesFile, table)
}

// Table reads the table that was loaded last; nil where none was.
func (d Dir) Table() (*mtu.Table, error) {
	return read(filepath.Join(d.path, tableFile), mtu.ParseTable)
}

// SaveTable keeps a table that is about to be loaded. undo puts back what was there, for a load that then fails.
func (d Dir) SaveTable(t *mtu.Table) (undo func() error, err error) {
	if err := d.Create(); err != nil {
		return nil, err
	}
	unlock, err := d.lock(lockFile, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer unlock()
	name := filepath.Join(d.path, tableFile)
	before, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read state: %w", err)
	}
	undo = func() error { return writeFile(name, before) }
	if err != nil {
		undo = func() error { return os.Remove(name) }
	}
	return undo, d.write(tableFile, t)
}

// Learned gives load what was learned before, by the name of its file; nothing where nothing was.
func (d Dir) Learned(load func(io.Reader, string) error) error {
	path := filepath.Join(d.path, learnedFile)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	defer f.Close()
	return load(f, path)
}

// SaveLearned keeps what was learned.
func (d Dir) SaveLearned(text []byte) error {
	unlock, err := d.lock(lockFile, unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	return d.replace(learnedFile, text)
}

// NodeLock keeps a state folder for one running node, and for the process that it hands the lock's file to. The zero value keeps none.
type NodeLock struct{ f *os.File }

// LockNode takes the folder for one running node until the lock is released or the process ends.
func (d Dir) LockNode() (NodeLock, error) {
	f, err := d.lockFile(nodeLockFile, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return NodeLock{}, fmt.Errorf("%w: %s; stop that node, or name another folder with --state-dir", ErrInUse, d.path)
	}
	return NodeLock{f}, err
}

// HeldLock is the lock that another process has handed over, by its file.
func HeldLock(f *os.File) NodeLock { return NodeLock{f} }

// File is what is handed to another process, nil for no lock. The folder is free when all that have it have released it.
func (l NodeLock) File() *os.File { return l.f }

// Release lets go of the folder.
func (l NodeLock) Release() {
	if l.f != nil {
		l.f.Close()
	}
}

func (d Dir) lock(name string, how int) (func(), error) {
	f, err := d.lockFile(name, how)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

func (d Dir) lockFile(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock state folder: %w", err), f.Close())
	}
	return f, nil
}

func read(path string, parse func(io.Reader, string) (*mtu.Table, error)) (*mtu.Table, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	defer f.Close()
	return parse(f, path)
}

func (d Dir) write(name string, t *mtu.Table) error {
	var text bytes.Buffer
	if err := t.Write(&text); err != nil {
		return err
	}
	return d.replace(name, text.Bytes())
}

func (d Dir) replace(name string, text []byte) error {
	if err := writeFile(filepath.Join(d.path, name), text); err != nil {
		return fmt.Errorf("write state, the old state stays: %w", err)
	}
	return nil
}

// writeFile replaces a file at once and for good: the data and the folder are synced. The caller holds the lock, so that one
// temporary name serves and a crash leaves at most one such file.
func writeFile(path string, data []byte) error {
	tmp, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails, as it should, once renamed
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
