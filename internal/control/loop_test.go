package control

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

var client = netip.MustParseAddr("198.51.100.7")

// kernel stands for the data plane: it keeps what it was given, or refuses.
type kernel struct {
	has      *path.Snapshot
	profiles [class.Max]path.Profile
	writes   int // of single classes
	pruned   int // profiles that Prune found to differ
	refuse   error
}

func (k *kernel) Apply(s *path.Snapshot) (int, error) {
	if k.refuse != nil {
		return 0, k.refuse
	}
	k.has, k.profiles = s, s.Profiles
	return 1, nil
}

func (k *kernel) Update(id class.ID, p path.Profile) error {
	if k.refuse == nil {
		k.profiles[id] = p
		k.writes++
	}
	return k.refuse
}

func (k *kernel) Delete(id class.ID) error { return k.Update(id, path.Profile{}) }

func (k *kernel) Prune(s *path.Snapshot) (changed int, err error) {
	if k.refuse != nil {
		return 0, k.refuse
	}
	for id, p := range s.Profiles {
		if k.profiles[id] != p {
			k.profiles[id] = p
			changed++
		}
	}
	k.pruned += changed
	return changed, nil
}

func files(t *testing.T) (Files, func(name, text string)) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("table.csv", "province_id,isp,mtu,condition\n23,any,1372,always\ndefault,any,1500,always\n")
	write("prefixes.csv", "prefix,province_id,isp\n198.51.100.0/24,23,CMCC\n")
	f := Files{Table: filepath.Join(dir, "table.csv"), Prefixes: filepath.Join(dir, "prefixes.csv"), State: statedir.At(filepath.Join(dir, "state"))}
	return f, write
}

func TestReloadGivesKernelAndServerTheSameSnapshot(t *testing.T) {
	f, write := files(t)
	l, err := New(f, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Profile(client); got.MTU != 1372 {
		t.Fatalf("got %+v", got)
	}
	k := &kernel{}
	l.Drive(k)
	write("table.csv", "province_id,isp,mtu,condition\n23,any,1360,always\ndefault,any,1500,always\n")
	if changed, err := l.Reload(); err != nil || changed != 1 {
		t.Fatalf("changed %d, %v", changed, err)
	}
	if k.has != l.Snapshot() || l.Profile(client).MTU != 1360 || savedMTU(t, f) != 1360 {
		t.Errorf("kernel has %p, server %p with %+v", k.has, l.Snapshot(), l.Profile(client))
	}
}

func TestFailedReloadChangesNothing(t *testing.T) {
	f, write := files(t)
	l, err := New(f, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	k := &kernel{}
	l.Drive(k)
	before := l.Snapshot()
	write("prefixes.csv", "prefix,province_id,isp\n198.51.100.0/24,99,CMCC\n")
	if _, err := l.Reload(); err == nil || !strings.Contains(err.Error(), "prefixes.csv:2:17: unknown province") {
		t.Errorf("bad prefixes: %v", err)
	}
	write("prefixes.csv", "prefix,province_id,isp\n198.51.100.0/24,53,CMCC\n")
	k.refuse = errors.New("no room")
	if _, err := l.Reload(); !errors.Is(err, k.refuse) {
		t.Errorf("refused by the kernel: %v", err)
	}
	write("table.csv", "province_id,isp,mtu,condition\n23,any,1300,always\ndefault,any,1500,always\n")
	if _, err := l.Reload(); !errors.Is(err, k.refuse) || savedMTU(t, f) != 1372 {
		t.Errorf("refused by the kernel: %v, the saved table has %d", err, savedMTU(t, f))
	}
	k.refuse = nil
	blockWrites(t, f)
	if _, err := l.Reload(); err == nil {
		t.Error("reloaded without keeping the table")
	}
	if l.Snapshot() != before || k.has != nil {
		t.Error("a failed reload changed the snapshot")
	}
}

// savedMTU is that of the first row of the table that commands without a node would use.
func savedMTU(t *testing.T, f Files) uint16 {
	t.Helper()
	table, err := f.State.Table()
	if err != nil || table == nil {
		t.Fatal(table, err)
	}
	return table.Rows()[0].MTU
}

// blockWrites puts a folder in the way of the temporary file, as a full disk is.
func blockWrites(t *testing.T, f Files) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(filepath.Dir(f.State.Socket()), "table.csv.new"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestStartNeedsSourcesThatRead(t *testing.T) {
	f, write := files(t)
	write("table.csv", "province_id,isp,mtu,condition\n23,any,13")
	if l, err := New(f, Settings{}); err == nil || l != nil {
		t.Errorf("started with half a table: %v", err)
	}
	if l, err := New(Files{State: f.State}, Settings{}); err != nil || l.Profile(client).MTU != 1500 {
		t.Errorf("the built-in table alone: %v", err)
	}
}
