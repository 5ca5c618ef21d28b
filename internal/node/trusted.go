package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

var errUntrusted = errors.New("others can change the program")

// trusted returns the file that a path leads to, if nobody but root and this process's user can have put it there, or can change it: it and
// the folders above it are theirs, and nobody else may write to them. The error is errUntrusted otherwise. Any user of the host may reach the operators' port.
func trusted(program string) (string, error) {
	file, err := filepath.EvalSymlinks(program)
	if err != nil {
		return "", fmt.Errorf("look at the program: %w", err)
	}
	for at := file; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return "", fmt.Errorf("look at the program: %w", err)
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 && int(owner) != os.Geteuid() {
			return "", fmt.Errorf("%w: %s belongs to user %d, who is neither root nor the node's: change its owner, or use quicedge upgrade", errUntrusted, at, owner)
		}
		if othersWrite(info.Mode()) {
			return "", fmt.Errorf("%w: not only its owner may write to %s: use chmod go-w, or quicedge upgrade", errUntrusted, at)
		}
		if at == filepath.Dir(at) {
			return file, nil
		}
	}
}

// othersWrite says nothing against a folder such as /tmp, where each may take away what is his own only.
func othersWrite(mode fs.FileMode) bool {
	return mode&0o022 != 0 && (!mode.IsDir() || mode&fs.ModeSticky == 0)
}
