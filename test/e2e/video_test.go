package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
	"quicedge/models/reference"
)

const streamURL = "https://" + edgeAddr + "/api/v1/streams/"

// TestUploadFromHeilongjiang is the whole way once: a client whose address the prefix table gives to Heilongjiang uploads a
// video over HTTP/3 through a link that carries 1372 bytes, and gets the processed one back.
func TestUploadFromHeilongjiang(t *testing.T) {
	netnstest.NeedBPF(t)
	in := newInternet(t)
	n := place(t, in.edge)
	n.start("--iface", "edge0", "--prefixes", demo)
	wire := sniff(t, in.router, "toedge", 443)
	clip := testclip.Make(t, testclip.Spec{Seconds: 4, Audio: true, Format: testclip.MPEGTS})

	out := upload(t, newClient(t, in.client), streamURL+"clip-1?pipeline=beauty_v2", clip)

	size, count := wire.largest()
	t.Logf("%d datagrams left the edge, the largest of %d bytes", count, size)
	if size > linkMTU || count < 50 {
		t.Errorf("%d datagrams, the largest of %d bytes; the link carries %d", count, size, linkMTU)
	}
	sameMedia(t, clip, out)
	smoothed(t, clip, out)
	if a := n.lookup("198.51.100.7"); a.MTU != linkMTU {
		t.Errorf("lookup: %+v", a)
	}
	if _, metrics := n.get("http://localhost:8080/metrics"); !regexp.MustCompile(`(?m)^quicedge_dataplane_packets_total\{hook="egress",isp="CMCC",province="23",reason="pass"\} \d{2}`).MatchString(metrics) {
		t.Errorf("the metrics do not count the class:\n%s", regexp.MustCompile(`(?m)^quicedge_dataplane.*`).FindAllString(metrics, -1))
	}
}

// TestWithoutItsClassLargerDatagramsLeave is the control of the test above: what it measures depends on the class.
func TestWithoutItsClassLargerDatagramsLeave(t *testing.T) {
	netnstest.NeedBPF(t)
	in := newInternet(t)
	n := place(t, in.edge)
	n.start("--iface", "edge0")
	wire := sniff(t, in.router, "toedge", 443)
	clip := testclip.Make(t, testclip.Spec{Seconds: 4, Audio: true, Format: testclip.MPEGTS})
	upload(t, newClient(t, in.client), streamURL+"clip-1?pipeline=beauty_v2", clip)
	if size, _ := wire.largest(); size <= linkMTU {
		t.Errorf("no datagram was larger than %d bytes", size)
	}
}

// upload sends a file and returns the path of the answer.
func upload(t *testing.T, c *client, url, path string) string {
	t.Helper()
	body, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	resp, err := c.Post(url, "application/octet-stream", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Proto != "HTTP/3.0" {
		t.Fatalf("%s %s: %v, %d bytes: %.300s", resp.Proto, resp.Status, err, len(out), out)
	}
	return testclip.Save(t, out)
}

func sameMedia(t *testing.T, before, after string) {
	t.Helper()
	want, got := testclip.Probe(t, before), testclip.Probe(t, after)
	if got.Frames != want.Frames || got.AudioPackets != want.AudioPackets || got.Width != want.Width || got.Height != want.Height {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if off := (got.Duration - want.Duration).Abs(); off > 100*time.Millisecond {
		t.Errorf("duration %s, want %s", got.Duration, want.Duration)
	}
}

// smoothed compares the roughness of skin with what the filter's reference in Go makes of the same pictures.
func smoothed(t *testing.T, before, after string) {
	t.Helper()
	var rough, smooth, want float64
	got := testclip.Pictures(t, after)
	for i, f := range testclip.Pictures(t, before) {
		rough += reference.Roughness(f, f.Luma())
		want += reference.Roughness(f, reference.Beauty(f))
		smooth += reference.Roughness(f, got[i].Luma())
	}
	frames := float64(len(got))
	t.Logf("roughness of skin %.1f -> %.2f, the reference has %.2f", rough/frames, smooth/frames, want/frames)
	if smooth > rough/5 || smooth > want+2*frames || smooth < want-2*frames {
		t.Errorf("roughness of skin went from %.1f to %.2f, the reference has %.2f", rough/frames, smooth/frames, want/frames)
	}
}

// TestKilledWorkerFailsOnlyItsRequest kills the worker in the middle of an upload.
func TestKilledWorkerFailsOnlyItsRequest(t *testing.T) {
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--video-workers", "1")
	c := newClient(t, n.ns)
	const url = "https://127.0.0.1:443/api/v1/streams/"
	clip := testclip.Read(t, testclip.Spec{Seconds: 4, Audio: true, Format: testclip.MPEGTS})
	node, before := n.cmd.Process.Pid, children(t, n.cmd.Process.Pid)

	body, feed := io.Pipe()
	go feed.Write(clip[:len(clip)/2]) // the rest never comes: the worker dies first
	resp, err := c.Post(url+"cut?pipeline=beauty_v2", "video/mp2t", body)
	if err == nil {
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("status %s before the worker died", resp.Status)
		}
		defer resp.Body.Close()
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatalf("no output while the input is still coming in: %v", err)
	}
	for _, pid := range before {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("the cut answer looks complete")
	}
	n.until("the log names the death", func() bool {
		return strings.Contains(n.stderr.String(), "worker_died") || strings.Contains(n.stderr.String(), "worker died")
	})
	sameMedia(t, testclip.Save(t, clip), upload(t, c, url+"next?pipeline=beauty_v2", testclip.Save(t, clip)))
	if after := children(t, node); fmt.Sprint(after) == fmt.Sprint(before) {
		t.Errorf("workers %v are still %v", before, after)
	}
}

// TestWorkerKilledBeforeTheFirstByteIsAnError502 kills it while it has sent nothing: the status can still say so.
func TestWorkerKilledBeforeTheFirstByteIsAnError502(t *testing.T) {
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--video-workers", "1")
	body, feed := io.Pipe()
	type result struct {
		status int
		text   string
		err    error
	}
	results := make(chan result, 1)
	go func() {
		resp, err := newClient(t, n.ns).Post("https://127.0.0.1:443/api/v1/streams/x?pipeline=beauty_v2", "video/mp2t", body)
		if err != nil {
			results <- result{err: err}
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		results <- result{resp.StatusCode, string(text), err}
	}()
	clip := testclip.Read(t, testclip.Spec{Format: testclip.MPEGTS})
	if _, err := feed.Write(clip[:1000]); err != nil { // on its way: a worker has the job, or will
		t.Fatal(err)
	}
	var r result
	n.until("the job is lost", func() bool { // one that no worker has taken yet goes to the next
		for _, pid := range children(t, n.cmd.Process.Pid) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case r = <-results:
			return true
		default:
			return false
		}
	})
	if r.err != nil || r.status != http.StatusBadGateway || !strings.Contains(r.text, "worker_died") || !strings.Contains(r.text, "send the stream again") {
		t.Errorf("got %+v", r)
	}
}

// children returns the process ids of a process's children.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(lists) == 0 {
		t.Fatal(lists, err)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		for _, f := range strings.Fields(string(text)) {
			var child int
			fmt.Sscan(f, &child)
			pids = append(pids, child)
		}
	}
	return pids
}

// TestBadRequestsAreAnsweredClearly sends what strangers send; the node answers the next one as if nothing had been.
func TestBadRequestsAreAnsweredClearly(t *testing.T) {
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--video-workers", "1")
	clip := testclip.Read(t, testclip.Spec{Audio: true})
	process := func(width, frames string) string {
		return `{"width":` + width + `,"height":360,"frame_count":` + frames + `,"pipeline":"beauty_v2"}`
	}
	for name, tt := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"no video":             {"streams/a?pipeline=beauty_v2", strings.Repeat("not a video ", 1000), 422, "bad_media"},
		"empty body":           {"streams/a?pipeline=beauty_v2", "", 422, "bad_media"},
		"truncated MP4":        {"streams/a?pipeline=beauty_v2", string(clip[:200]), 422, "bad_media"},
		"audio only":           {"streams/a?pipeline=beauty_v2", string(testclip.Read(t, testclip.Spec{Audio: true, Format: testclip.AudioOnly})), 422, "bad_media"},
		"unknown pipeline":     {"streams/a?pipeline=nope", string(clip), 400, "beauty_v2"},
		"no pipeline":          {"streams/a", string(clip), 400, "beauty_v2"},
		"wrong id":             {"streams/a%20b?pipeline=beauty_v2", string(clip), 400, "id"},
		"frame_count 0":        {"process", process("640", "0"), 400, "frame_count"},
		"frame_count 10 mio":   {"process", process("640", "10000000"), 400, "frame_count"},
		"width 0":              {"process", process("0", "10"), 400, "width"},
		"width 100000":         {"process", process("100000", "10"), 400, "width"},
		"unknown field":        {"process", `{"widht":640}`, 400, "widht"},
		"process, no pipeline": {"process", `{"width":640,"height":360,"frame_count":1,"pipeline":"nope"}`, 400, "beauty_v2"},
	} {
		t.Run(name, func(t *testing.T) {
			kind := "video/mp4"
			if tt.path == "process" {
				kind = "application/json"
			}
			resp, err := n.operator().Post("http://localhost:8080/api/v1/"+tt.path, kind, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(string(text), tt.want) || !json.Valid(text) {
				t.Errorf("%d %s, %v; want %d and %q", resp.StatusCode, text, err, tt.status, tt.want)
			}
		})
	}
	resp, err := n.operator().Post("http://localhost:8080/api/v1/process", "application/json", strings.NewReader(process("640", "10")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.Status, err)
	}
	stages, _ := got["stages"].(map[string]any)
	if got["pipeline"] != "beauty_v2" || got["width"] != 640.0 || got["height"] != 360.0 || got["frame_count"] != 10.0 || got["elapsed_ms"].(float64) <= 0 || len(stages) < 2 {
		t.Errorf("process answered %v", got)
	}
}

func TestProcessCommand(t *testing.T) {
	n := place(t, netnstest.New(t))
	in := testclip.Make(t, testclip.Spec{Seconds: 10, Audio: true})
	out := filepath.Join(t.TempDir(), "out.mp4")
	picture := filepath.Join(t.TempDir(), "before-after.png")
	code, report, errs := n.run("process", in, out, "--pipeline", "beauty_v2", "--preview", picture, "-o", "json")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	sameMedia(t, in, out)
	want := testclip.Probe(t, in)
	var got struct {
		Frames       int
		AudioPackets int `json:"audio_packets"`
	}
	if err := json.Unmarshal([]byte(report), &got); err != nil || got.Frames != want.Frames || got.AudioPackets != want.AudioPackets {
		t.Errorf("report %s, %v; the clip has %+v", report, err, want)
	}
	sideBySide(t, picture, in, out, (want.Frames-1)/2)

	text := filepath.Join(t.TempDir(), "text.mp4")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no video\n"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(t.TempDir(), "gone.mp4")
	if code, _, errs := n.run("process", text, gone); code != 1 || !strings.Contains(errs, text) {
		t.Errorf("process of text: exit %d, %s", code, errs)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(gone), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	preview := filepath.Join(t.TempDir(), "piped.png")
	piped := exec.Command(program, append([]string{"process", "-", "-", "--preview", preview}, n.folders()...)...)
	piped.Stdin = bytes.NewReader(testclip.Read(t, testclip.Spec{Audio: true, Format: testclip.MPEGTS}))
	code, video, errs := n.exec(piped)
	if code != 0 {
		t.Fatalf("piped: exit %d: %s", code, errs)
	}
	if shown := decodePNG(t, preview); shown.Bounds().Dx() < 2*640 {
		t.Errorf("piped: a preview of %v", shown.Bounds())
	}
	if got := testclip.ProbeBytes(t, []byte(video)); got.Frames != (testclip.Spec{}).Frames() {
		t.Errorf("piped: %+v", got)
	}
}
