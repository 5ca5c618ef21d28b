package e2e

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
)

// TestNodeWithoutRoomSaysSo gives the node a folder for temporary files that holds no video.
func TestNodeWithoutRoomSaysSo(t *testing.T) {
	n := place(t, netnstest.New(t))
	last := testclip.Read(t, testclip.Spec{Seconds: 3, Audio: true, Format: testclip.MP4IndexLast})
	streamed := testclip.Read(t, testclip.Spec{Seconds: 3, Audio: true, Format: testclip.MPEGTS})
	full := t.TempDir()
	if err := syscall.Mount("none", full, "tmpfs", 0, "size=16k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(full, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TMPDIR", full)
	n.start("--iface", "none", "--video-workers", "1")
	operator := n.operator()
	for name, c := range map[string]struct {
		clip  []byte
		query string
		want  int
	}{
		"a body with its index last": {last, "", http.StatusInsufficientStorage},
		"an answer with its index":   {streamed, "&format=mp4", http.StatusInsufficientStorage},
		"an answer that waits":       {streamed, "&answer=after-upload", http.StatusInsufficientStorage},
		"neither":                    {streamed, "", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := operator.Post("http://localhost:8080/api/v1/streams/room?pipeline=transcode"+c.query, "video/mp4", bytes.NewReader(c.clip))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != c.want || c.want != http.StatusOK && !strings.Contains(string(text), `"insufficient_storage"`) {
				t.Errorf("%s %.200s %v", resp.Status, text, err)
			}
		})
	}
}
