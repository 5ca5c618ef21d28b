package statedir

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

func TestOverridesSurvive(t *testing.T) {
	d := At(filepath.Join(t.TempDir(), "new"))
	if o, err := d.Overrides(); err != nil || len(o.Rows()) != 0 {
		t.Fatalf("overrides of a missing folder: %v, %v", o.Rows(), err)
	}
	var wg sync.WaitGroup
	for _, id := range class.All() {
		wg.Go(func() {
			if err := d.UpdateOverrides(func(o *mtu.Table) (*mtu.Table, error) { return o.With(mtu.For(id), 1400), nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o, err := d.Overrides()
	if err != nil || len(o.Rows()) != len(class.All()) {
		t.Fatalf("%d overrides after %d writers, %v", len(o.Rows()), len(class.All()), err)
	}
}

func TestFailedChangeLeavesTheOldState(t *testing.T) {
	d := At(t.TempDir())
	set := func(size uint16) error {
		return d.UpdateOverrides(func(o *mtu.Table) (*mtu.Table, error) { return o.With(mtu.For(1), size), nil })
	}
	if err := set(1300); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := d.UpdateOverrides(func(*mtu.Table) (*mtu.Table, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	// A folder in the way of the temporary file stands for a disk that takes no more.
	if err := os.Mkdir(filepath.Join(d.path, overridesFile+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := set(1400); err == nil {
		t.Fatal("written over a folder")
	}
	o, err := d.Overrides()
	if err != nil || o.Rows()[0].MTU != 1300 {
		t.Fatalf("overrides %v, %v", o.Rows(), err)
	}
}

func TestFullDiskLeavesTheOldState(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		if os.Getenv("QUICEDGE_REQUIRE_BPF") == "1" {
			t.Fatal(err)
		}
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	d := At(dir)
	set := func(size uint16) error {
		return d.UpdateOverrides(func(o *mtu.Table) (*mtu.Table, error) { return o.With(mtu.For(1), size), nil })
	}
	if err := set(1300); err != nil {
		t.Fatal(err)
	}
	fill, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = fill.Write(make([]byte, 4096))
	}
	fill.Close()
	if err := set(1400); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("on a full disk: %v", err)
	}
	if o, err := d.Overrides(); err != nil || o.Rows()[0].MTU != 1300 {
		t.Fatalf("overrides %v, %v", o.Rows(), err)
	}
}

func TestOneNodeAFolder(t *testing.T) {
	d := At(t.TempDir())
	lock, err := d.LockNode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.LockNode(); !errors.Is(err, ErrInUse) {
		t.Fatalf("second node: %v", err)
	}
	lock.Release()
	lock, err = d.LockNode()
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
}
