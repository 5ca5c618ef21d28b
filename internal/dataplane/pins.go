package dataplane

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf/link"
)

// Folders of a pin folder.
const (
	mapsDir  = "maps"
	progsDir = "progs"
	linksDir = "links"
)

// staged marks what is being built or taken down: NAME~1a2b3c4d beside the pin folder, ~1a2b3c4d within links. What nobody
// holds a lock on was left by a process that was killed.
const staged = "~"

func stagedName(base string) string {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return base + staged + hex.EncodeToString(b[:])
}

// pinName makes a device's name one that a BPF file system takes: it keeps dots for itself, and eth0.100 has one.
func pinName(device string) string {
	return strings.NewReplacer("%", "%25", ".", "%2E").Replace(device)
}

func deviceName(pin string) string { return strings.NewReplacer("%2E", ".", "%25", "%").Replace(pin) }

func mapPin(dir, name string) string     { return filepath.Join(dir, mapsDir, name) }
func progPin(dir, name string) string    { return filepath.Join(dir, progsDir, name) }
func linkPins(dir, device string) string { return filepath.Join(dir, linksDir, pinName(device)) }

// sweep takes down what killed processes left beside a pin folder.
func (n network) sweep(pinDir string) (err error) {
	for _, dir := range leftovers(filepath.Dir(pinDir), filepath.Base(pinDir)+staged) {
		if checkOwned(dir) != nil {
			continue
		}
		if lock, free := tryLock(dir); free {
			err = errors.Join(err, n.takeDown(dir))
			lock.release()
		}
	}
	return killed(err)
}

func killed(err error) error {
	if err != nil {
		return fmt.Errorf("clean up after a load that was killed: %w", err)
	}
	return nil
}

// sweepLinks takes down what killed processes left among the links. The lock of the pin folder is held.
func (n network) sweepLinks(pinDir string) (err error) {
	for _, dir := range leftovers(filepath.Join(pinDir, linksDir), staged) {
		err = errors.Join(err, n.takeDownLinks(dir))
	}
	return killed(err)
}

// leftovers lists what a folder holds under names that begin with prefix. A folder that is not there holds nothing.
func leftovers(dir, prefix string) (found []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found
}

// takeDown detaches everything of a pin folder and removes the folder.
func (n network) takeDown(dir string) (err error) {
	for _, device := range leftovers(filepath.Join(dir, linksDir), "") {
		err = errors.Join(err, n.takeDownLinks(device))
	}
	if errors.Is(err, errStillAttached) {
		return err
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// errStillAttached says that pins were left since they alone tell which filters are ours.
var errStillAttached = errors.New("a filter is still attached")

// takeDownLinks detaches what a device's folder holds and removes the folder. Removing a pin alone lets the kernel detach a
// link when it gets round to it; when this returns, no packet meets the programs any more.
func (n network) takeDownLinks(dir string) error {
	pins, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		if at, ok := parseSite(pin.Name()); ok {
			if err := n.detachClsact(dir, at); err != nil {
				return fmt.Errorf("%w: %w", errStillAttached, err)
			}
		} else if !isClsact(pin.Name()) {
			err = errors.Join(err, detach(filepath.Join(dir, pin.Name())))
		}
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func detach(pin string) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain("open "+pin, err)
	}
	defer l.Close()
	if err := l.Detach(); err != nil && !gone(err) {
		return explain("detach "+pin, err)
	}
	return nil
}
