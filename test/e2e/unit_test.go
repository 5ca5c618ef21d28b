package e2e

import (
	"io"
	"net/http"
	"syscall"
	"testing"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
)

// TestAStreamEndsWhereTheWholeUnitIsToldToStop sends SIGTERM to all processes, as systemd does (KillMode=control-group), while a clip is on
// its way.
func TestAStreamEndsWhereTheWholeUnitIsToldToStop(t *testing.T) {
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--video-workers", "1")
	c := newClient(t, n.ns)
	clip := testclip.Read(t, testclip.Spec{Seconds: 4, Audio: true, Format: testclip.MPEGTS})
	body, feed := io.Pipe()
	go feed.Write(clip[:len(clip)/2]) // it ends with the test
	resp, err := c.Post("https://127.0.0.1:443/api/v1/streams/s?pipeline=beauty_v2", "video/mp2t", body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	defer resp.Body.Close()
	first := make([]byte, 1)
	if _, err := resp.Body.Read(first); err != nil {
		t.Fatal(err)
	}
	for _, pid := range append(children(t, n.cmd.Process.Pid), n.cmd.Process.Pid) {
		syscall.Kill(pid, syscall.SIGTERM)
	}
	n.until("the node stops", func() bool {
		status, _ := n.get("http://localhost:8080/readyz")
		return status == http.StatusServiceUnavailable
	})
	go func() {
		feed.Write(clip[len(clip)/2:])
		feed.Close()
	}()
	rest, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	sameMedia(t, testclip.Save(t, clip), testclip.Save(t, append(first, rest...)))
	if code := n.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
