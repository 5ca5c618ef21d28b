package node

import (
	"os"
	"path/filepath"
	"testing"

	"quicedge/internal/netnstest"
)

func TestAProgramThatOthersCanChangeIsNotTrusted(t *testing.T) {
	for name, c := range map[string]struct {
		folder, file os.FileMode
		owner        int
		trusted      bool
	}{
		"the node's user's own":                   {0o755, 0o755, os.Geteuid(), true},
		"a file that all may write":               {0o755, 0o757, os.Geteuid(), false},
		"a file that its group may write":         {0o755, 0o775, os.Geteuid(), false},
		"in a folder that all may write":          {0o777, 0o755, os.Geteuid(), false},
		"in a folder that all may write, as /tmp": {0o777 | os.ModeSticky, 0o755, os.Geteuid(), true},
		"another user's":                          {0o755, 0o755, 65533, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.owner != os.Geteuid() {
				netnstest.NeedBPF(t) // as root
			}
			folder := filepath.Join(t.TempDir(), "folder")
			file, link := filepath.Join(folder, "program"), filepath.Join(t.TempDir(), "link")
			err := os.Mkdir(folder, 0o700)
			for _, step := range []func() error{
				func() error { return os.WriteFile(file, nil, 0o700) },
				func() error { return os.Chown(file, c.owner, -1) },
				func() error { return os.Chmod(file, c.file) },
				func() error { return os.Chmod(folder, c.folder) },
				func() error { return os.Symlink(file, link) },
			} {
				if err == nil {
					err = step()
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []string{file, link} {
				got, err := trusted(at)
				if c.trusted != (err == nil) || c.trusted && got != file {
					t.Errorf("%s: %s, %v", at, got, err)
				}
			}
		})
	}
	if _, err := trusted("/nowhere/quicedge"); err == nil {
		t.Error("a file that is not there is trusted")
	}
}
