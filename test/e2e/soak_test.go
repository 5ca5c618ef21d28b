package e2e

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
)

// times is how often a test goes round: a few times in the suite, thousands of times in "make soak".
func times(short, long int) int {
	if os.Getenv("QUICEDGE_SOAK") == "1" {
		return long
	}
	return short
}

// TestKilledNodeLeavesADataPlaneThatAnswers kills the node at a random moment of its start or its life; what it leaves in the
// kernel answers, and the next node starts over it.
func TestKilledNodeLeavesADataPlaneThatAnswers(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo, "--video-workers", "1")
	r := rand.New(rand.NewPCG(1, 2))
	for range times(8, 2000) {
		n.cmd.Process.Kill()
		n.wait()
		if a := n.lookup("198.51.100.7"); a.MTU != 1372 {
			t.Fatalf("after a kill: %+v", a)
		}
		n.launch("--iface", "lo", "--prefixes", demo, "--video-workers", "1")
		select {
		case <-n.ended:
			t.Fatalf("the node did not start again: %s", n.stderr)
		case <-time.After(time.Duration(r.IntN(200)) * time.Millisecond):
		}
	}
	n.cmd.Process.Kill()
	n.wait()
	n.start("--iface", "lo", "--prefixes", demo, "--video-workers", "1")
	if code := n.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(n.pins); !os.IsNotExist(err) {
		t.Errorf("pins are left: %v", err)
	}
}

// TestReloadsUnderRequests changes the table again and again while clients fetch over one HTTP/3 connection.
func TestReloadsUnderRequests(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	prefixes := filepath.Join(t.TempDir(), "p.csv")
	write := func(province string) {
		next := prefixes + ".new"
		if err := os.WriteFile(next, []byte("prefix,province_id,isp\n198.51.100.0/24,"+province+",CMCC\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, prefixes); err != nil {
			t.Fatal(err)
		}
	}
	write("23")
	n.start("--iface", "lo", "--prefixes", prefixes)
	c := newClient(t, n.ns)
	ctx, cancel := context.WithCancel(t.Context())
	failed, fetched := make(chan error, 1), 0
	go func() {
		defer close(failed)
		for ctx.Err() == nil {
			if err := fetch(c, "https://127.0.0.1:443/"); err != nil {
				failed <- err
				return
			}
			fetched++
		}
	}()
	for i := range times(20, 5000) {
		province, id := "23", 23
		if i%2 == 0 {
			province, id = "53", 53
		}
		write(province)
		if code, _, errs := n.run("mtu", "set", "--province", "11", "1400"); code != 0 { // makes the node reload all
			t.Fatal(errs)
		}
		if a := n.lookup("198.51.100.7"); a.ProvinceID != id {
			t.Fatalf("after reload %d: %+v", i, a)
		}
	}
	cancel()
	if err := <-failed; err != nil || fetched == 0 {
		t.Errorf("after %d requests: %v", fetched, err)
	}
}

func fetch(c *client, url string) error {
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// TestMutatedVideosHarmNoOneElse uploads damaged files; each is answered, and the node and its next answers are unharmed.
func TestMutatedVideosHarmNoOneElse(t *testing.T) {
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--video-workers", "1")
	var clips [][]byte
	for _, format := range []testclip.Format{testclip.MP4, testclip.MP4IndexLast, testclip.MPEGTS, testclip.AnnexB} {
		clips = append(clips, testclip.Read(t, testclip.Spec{Width: 160, Height: 90, Seconds: 1, Audio: format != testclip.AnnexB, Format: format}))
	}
	r := rand.New(rand.NewPCG(3, 4))
	statuses := map[int]int{}
	for i := range times(40, 8000) {
		damaged := mutate(r, clips[i%len(clips)])
		resp, err := n.operator().Post("http://localhost:8080/api/v1/streams/m?pipeline=beauty_v2", "video/mp4", bytes.NewReader(damaged))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body) // may be cut where the damage came late
		resp.Body.Close()
		statuses[resp.StatusCode]++
		switch {
		case resp.StatusCode == http.StatusOK:
		case resp.StatusCode == http.StatusUnprocessableEntity && strings.Contains(string(text), "bad_media"):
		case resp.StatusCode == http.StatusBadGateway: // the codec died: its worker is replaced
		default:
			t.Errorf("upload %d: %s %s %v", i, resp.Status, text, err)
		}
	}
	t.Logf("answers by status: %v", statuses)
	whole := testclip.Save(t, clips[0])
	code, _, errs := n.run("process", whole, filepath.Join(t.TempDir(), "o.mp4"))
	if status, _ := n.get("http://localhost:8080/livez"); status != 200 || code != 0 {
		t.Errorf("livez %d, process exit %d %s", status, code, errs)
	}
}

// mutate flips bytes, cuts, or repeats a piece.
func mutate(r *rand.Rand, whole []byte) []byte {
	b := bytes.Clone(whole)
	switch r.IntN(3) {
	case 0:
		for range 1 + r.IntN(200) {
			b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
		}
	case 1:
		b = b[:r.IntN(len(b))]
	case 2:
		from := r.IntN(len(b))
		b = append(b[:from:from], b[r.IntN(from+1):]...)
	}
	return b
}
