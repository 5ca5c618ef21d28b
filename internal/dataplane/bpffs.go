package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// bpffsRoot is where Linux offers a place for the BPF file system.
const bpffsRoot = "/sys/fs/bpf"

// ensureBPFFS makes sure that a pin folder is, or will be, on a BPF file system, mounting it in its usual place if need be.
func ensureBPFFS(pinDir string) error {
	if strings.Contains(strings.TrimPrefix(pinDir, bpffsRoot), ".") {
		return fmt.Errorf("pin folder %s: a BPF file system allows no dot in names: choose another name", pinDir)
	}
	parent := filepath.Dir(pinDir)
	on, err := onBPFFS(parent)
	if err != nil {
		return fmt.Errorf("look at %s: %w", parent, err)
	}
	if on {
		return explain("make "+parent, os.MkdirAll(parent, 0o700))
	}
	if parent != bpffsRoot && !strings.HasPrefix(parent, bpffsRoot+"/") {
		return fmt.Errorf("pin folder %s: %s is not on a BPF file system: mount one there (mount -t bpf bpf DIR), or use %s", pinDir, parent, DefaultPinDir)
	}
	if err := mountBPFFS(); err != nil {
		return err
	}
	return explain("make "+parent, os.MkdirAll(parent, 0o700))
}

func mountBPFFS() error {
	err := unix.Mount("bpf", bpffsRoot, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RELATIME, "mode=0700")
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("mount a BPF file system at %s: %w (%w): let root run: mount -t bpf bpf %s", bpffsRoot, ErrNotPermitted, err, bpffsRoot)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV):
		return fmt.Errorf("mount a BPF file system at %s: %w by Linux %s (%w): use a kernel built with CONFIG_BPF_SYSCALL, and mount /sys", bpffsRoot, ErrUnsupported, release(), err)
	case err != nil:
		return fmt.Errorf("mount a BPF file system at %s: %w", bpffsRoot, err)
	}
	return nil
}

// onBPFFS reports whether a path, or what there is of it, is on a BPF file system.
func onBPFFS(path string) (bool, error) {
	for {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		if err == nil {
			return uint32(st.Type) == unix.BPF_FS_MAGIC, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == "/" {
			return false, explain("look at "+path, err)
		}
		path = filepath.Dir(path)
	}
}

// checkOwned refuses a pin folder that anybody else could have prepared, or could reach into.
func checkOwned(pinDir string) error {
	info, err := os.Stat(pinDir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return fmt.Errorf("pin folder %s: not a folder: remove it, or choose another", pinDir)
	}
	if info.Mode().Perm()&0o077 != 0 || (st.Uid != 0 && int(st.Uid) != os.Geteuid()) {
		return fmt.Errorf("pin folder %s: mode %04o of user %d lets others in: remove it, or make it root's with mode 0700", pinDir, info.Mode().Perm(), st.Uid)
	}
	return nil
}
