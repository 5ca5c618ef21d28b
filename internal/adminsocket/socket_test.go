package adminsocket

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

type node struct{ refuse error }

func (n node) Lookup(a netip.Addr) path.Match {
	return path.Match{Addr: a, Class: class.Of(23, class.CMCC), Profile: path.Profile{MTU: 1372}}
}

func (n node) Of(id class.ID) path.Match {
	return path.Match{Class: id, Profile: path.Profile{MTU: 1300}}
}

func (n node) Explain(a netip.Addr) path.Explained {
	return path.Explained{Answer: n.Lookup(a).Answer(), Live: true, Candidates: []path.CandidateAnswer{{Source: "csv", MTU: 1372, Wins: true, Reason: "so"}}}
}

// Rows are as many as two tables may have.
func (n node) Rows() []path.RowAnswer {
	all := make([]path.RowAnswer, 2*4096)
	for i := range all {
		all[i] = path.RowAnswer{ProvinceID: "44", ISP: "CUCC", Condition: strings.Repeat("loss_rate > 6.5% && ", 20), Line: i, Classes: i}
	}
	return all
}

func (n node) Learned() map[class.ID]mtu.Learned {
	return map[class.ID]mtu.Learned{class.Of(62, class.CMCC): {MTU: 1300, Networks: 4}, class.Of(23, class.CMCC): {Proven: 1372}}
}

func (n node) Video() Video { return Video{Pipelines: []string{"beauty_v2"}} }

func (n node) Loop() path.LoopAnswer { return path.LoopAnswer{Generation: 7} }

func (n node) Reload() (int, error) { return 3, n.refuse }

func (n node) Upgrade(_ context.Context, program string) (int, error) { return len(program), n.refuse }

func serve(t *testing.T, n Node) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "admin.sock")
	l, err := Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	s := Server(n)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return name
}

func TestCommandsReachTheNode(t *testing.T) {
	name := serve(t, node{})
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	c := Dial(name)
	if changed, err := c.Reload(t.Context()); err != nil || changed != 3 {
		t.Errorf("reload: %d, %v", changed, err)
	}
	if pid, err := c.Upgrade(t.Context(), "/new"); err != nil || pid != 4 {
		t.Errorf("upgrade: %d, %v", pid, err)
	}
	a, err := c.Lookup(t.Context(), netip.MustParseAddr("2001:db8::1"))
	if err != nil || a.Address != "2001:db8::1" || a.ProvinceID != 23 || a.ISP != "CMCC" || a.MTU != 1372 {
		t.Errorf("lookup: %+v, %v", a, err)
	}
	of, err := c.Of(t.Context(), class.Of(62, class.CMCC))
	if err != nil || of.Address != "" || of.ProvinceID != 62 || of.ISP != "CMCC" || of.MTU != 1300 {
		t.Errorf("class: %+v, %v", of, err)
	}
	if _, err := c.Of(t.Context(), 1000); err == nil || !strings.Contains(err.Error(), "no class has this number") {
		t.Errorf("class 1000: %v", err)
	}
	e, err := c.Explain(t.Context(), netip.MustParseAddr("2001:db8::1"))
	if err != nil || !e.Live || e.MTU != 1372 || len(e.Candidates) != 1 || e.Candidates[0].Reason != "so" {
		t.Errorf("explain: %+v, %v", e, err)
	}
	rows, err := c.Rows(t.Context())
	if err != nil || len(rows) != 2*4096 || rows[5].Classes != 5 || rows[5].ISP != "CUCC" {
		t.Errorf("%d rows: %v", len(rows), err)
	}
	learned, err := c.Learned(t.Context())
	if err != nil || len(learned) != 2 || learned[0].ProvinceID != 23 || learned[1].MTU != 1300 || learned[1].Networks != 4 {
		t.Errorf("learned: %+v, %v", learned, err)
	}
	if state, err := c.Loop(t.Context()); err != nil || state.Generation != 7 {
		t.Errorf("loop: %+v, %v", state, err)
	}
}

func TestRefusalIsTheNodes(t *testing.T) {
	c := Dial(serve(t, node{refuse: errors.New("t.csv:2:9: mtu 900")}))
	if _, err := c.Reload(t.Context()); err == nil || errors.Is(err, ErrNoNode) || !strings.Contains(err.Error(), "t.csv:2:9: mtu 900") {
		t.Errorf("got %v", err)
	}
}

func TestNoNode(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "admin.sock")
	if _, err := Dial(missing).Reload(t.Context()); !errors.Is(err, ErrNoNode) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.Listen("unix", missing) // a node that was killed leaves its socket
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(missing).Reload(t.Context()); !errors.Is(err, ErrNoNode) {
		t.Errorf("dead socket: %v", err)
	}
	next, err := Listen(missing)
	if err != nil {
		t.Fatalf("over a dead socket: %v", err)
	}
	next.Close()
}

func TestWrongRequests(t *testing.T) {
	c := Dial(serve(t, node{}))
	for target, want := range map[string]int{"/v1/lookup?address=x": 400, "/v1/lookup": 400, "/v1/explain": 400, "/v1/reload": 405, "/": 404} {
		resp, err := c.http.Get("http://node" + target)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", target, resp.Status, want)
		}
	}
}
