package prefix

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// saveTo makes a test process one that saves a table under the name it is given, over and over.
const saveTo = "QUICEDGE_TEST_SAVE_TO"

func TestMain(m *testing.M) {
	name := os.Getenv(saveTo)
	if name == "" {
		os.Exit(m.Run())
	}
	for entries := million()[:50_000]; ; {
		if err := SaveCSV(name, entries); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// TestAKilledProcessLeavesAWholeFile kills one while it writes: the file is the one before, or whole.
func TestAKilledProcessLeavesAWholeFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "p.csv")
	const before = head + "10.0.0.0/8,44,CUCC\n"
	entries := map[int]int{}
	for range 20 {
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), saveTo+"="+name)
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		waitForSize(t, name+".new")
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the process ended by itself")
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		table, err := ParseCSV(f, name)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		entries[len(table.Entries())]++
	}
	if entries[1]+entries[50_000] != 20 {
		t.Errorf("files by their prefixes: %v", entries)
	}
	if err := SaveCSV(name, table(t, "10.0.0.0/8,44,CUCC\n").Entries()); err != nil {
		t.Errorf("what the killed left is in the way: %v", err)
	}
	if _, err := os.Stat(name + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s.new: %v", name, err)
	}
}

// waitForSize waits until a file is there and has been written to.
func waitForSize(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			return
		}
	}
	t.Fatalf("%s was not written", name)
}

func TestSavingKeepsRightsAndLinks(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.csv"), filepath.Join(dir, "link.csv")
	if err := os.WriteFile(real, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := SaveCSV(link, table(t, "10.0.0.0/8,44,CUCC\n2001:db8::/32,0,OTHER\n").Entries()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(real)
	if err != nil || string(text) != head+"10.0.0.0/8,44,CUCC\n2001:db8::/32,0,OTHER\n" {
		t.Errorf("%q, %v", text, err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
}

func TestTwoThatSaveDoNotMix(t *testing.T) {
	name := filepath.Join(t.TempDir(), "p.csv")
	other, err := os.Create(name + ".new")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := other.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	if err := SaveCSV(name, nil); err == nil || !strings.Contains(err.Error(), "another process writes to "+name+".new") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(name + ".new"); err != nil || string(text) != "half" {
		t.Errorf("the other's file holds %q, %v", text, err)
	}
}

func TestAFullDiskLeavesTheOldFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "p.csv")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	limit := unix.Rlimit{}
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := unix.Rlimit{Cur: 64 << 10, Max: limit.Max} // more than the log that go test writes meanwhile
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	err := SaveCSV(name, million()[:10_000])
	if restore := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); restore != nil {
		t.Fatal(restore)
	}
	if err == nil || !strings.Contains(err.Error(), name+" stays as it was") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "old" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if _, err := os.Stat(name + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s.new: %v", name, err)
	}
}
