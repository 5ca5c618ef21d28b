package lab

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
)

// hundred is as many classes of an ISP that no row of the shipped table names alone, and overrides for them, as CSV.
func hundred(mtu int) (ids []class.ID, rows []byte) {
	var b bytes.Buffer
	b.WriteString("province_id,isp,mtu,condition\n")
	for _, id := range class.All() {
		if isp := id.ISP(); id.Province() != 0 && len(ids) < 100 && (isp == class.CMCC || isp == class.CTCC || isp == class.CERNET) {
			fmt.Fprintf(&b, "%s,%s,%d,always\n", id.Province(), isp, mtu+len(ids))
			ids = append(ids, id)
		}
	}
	return ids, b.Bytes()
}

// agreed asks the kernel and the server for the MTUs of all classes, and says where one has another than wanted.
func (n node) agreed(t testing.TB, kernel *dataplane.Plane, ids []class.ID, mtu int) error {
	t.Helper()
	for i, id := range ids {
		addr := Host(Net4(id, 1), 1)
		server, err := n.Admin().Lookup(t.Context(), addr)
		if err != nil {
			return err
		}
		inKernel, err := kernel.Lookup(addr)
		if err != nil {
			return err
		}
		if want := mtu + i; server.MTU != want || int(inKernel.Profile.MTU) != want || server.Class != int(inKernel.Class) {
			return fmt.Errorf("%s: %d in the server, %d in the kernel, want %d", id, server.MTU, inKernel.Profile.MTU, want)
		}
	}
	return nil
}

// openPlane opens what the node has pinned.
func (n node) openPlane(t testing.TB) *dataplane.Plane {
	t.Helper()
	p, err := dataplane.Open(n.Pins)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// command runs the program against the node.
func (n node) command(t testing.TB, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "quicedge"), append(args, "--state-dir", n.State, "--pin-dir", n.Pins)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestHundredClassesChangeAtOnce imports overrides of a hundred classes: kernel and server have them when the command returns. Files with a
// wrong row change nothing, neither imported nor as the table that a reload reads.
func TestHundredClassesChangeAtOnce(t *testing.T) {
	t.Parallel()
	n := runNode(t, New(t, Config{}), hunan, Node{})
	kernel := n.openPlane(t)
	ids, rows := hundred(1300)
	if len(ids) != 100 {
		t.Fatalf("%d classes", len(ids))
	}
	file := write(t, filepath.Join(t.TempDir(), "rows.csv"), rows)
	if out, err := n.command(t, "mtu", "import", file); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := n.agreed(t, kernel, ids, 1300); err != nil {
		t.Error(err)
	}
	before := n.loop(t).Generation
	wrong := bytes.Replace(rows, []byte(",1310,always"), []byte(",1310,sometimes"), 1)
	if out, err := n.command(t, "mtu", "import", write(t, file, wrong)); err == nil || !strings.Contains(out, file+":12:") {
		t.Errorf("%v: %s", err, out)
	}
	table := write(t, filepath.Join(filepath.Dir(n.State), "mtu.csv"), []byte("province_id,isp,mtu,condition\n44,CUCC,1400,loss_rate > 6.5%\n62,CMCC,1360,los_rate > 6.5%\ndefault,any,1500,always\n"))
	if _, err := n.Admin().Reload(t.Context()); err == nil || !strings.Contains(err.Error(), table+":3:14: ") {
		t.Errorf("a wrong table: %v", err)
	}
	if after := n.loop(t).Generation; after != before {
		t.Errorf("generation %d has become %d", before, after)
	}
	if err := n.agreed(t, kernel, ids, 1300); err != nil {
		t.Error(err)
	}
	if e := n.explain(t, Host(Net4(guangdong, 0), 1)); e.MTU != 1412 {
		t.Errorf("Guangdong has %d", e.MTU)
	}
}

func (n node) loop(t testing.TB) path.LoopAnswer {
	t.Helper()
	a, err := n.Admin().Loop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// BenchmarkHundredClasses changes a hundred classes, and prints how long it takes from the order until the server answers that it is done, and
// how long all answers of kernel and server then take to be asked for and found the same.
func BenchmarkHundredClasses(b *testing.B) {
	l := New(b, Config{})
	dir := b.TempDir()
	s, err := l.StartNode(b.Context(), Node{Program: filepath.Join(programs, "quicedge"), Folder: dir, Root: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Stop()
	n := node{s, l, hunan}
	kernel := n.openPlane(b)
	var reload, ask time.Duration
	times := 0
	for b.Loop() {
		mtu := 1300 + times%2*100
		ids, rows := hundred(mtu)
		write(b, filepath.Join(n.State, "overrides.csv"), rows)
		begun := time.Now()
		if _, err := n.Admin().Reload(b.Context()); err != nil {
			b.Fatal(err)
		}
		done := time.Now()
		if err := n.agreed(b, kernel, ids, mtu); err != nil {
			b.Fatal(err)
		}
		reload, ask, times = reload+done.Sub(begun), ask+time.Since(done), times+1
	}
	b.ReportMetric(float64(reload.Microseconds())/1000/float64(times), "reload-ms")
	b.ReportMetric(float64(ask.Microseconds())/1000/float64(times), "ask-ms")
}

// lookupKernel is what the kernel does for an address.
func lookupKernel(t *testing.T, p *dataplane.Plane, addr netip.Addr) path.Answer {
	t.Helper()
	m, err := p.Lookup(addr)
	if err != nil {
		t.Fatal(err)
	}
	return m.Answer()
}
