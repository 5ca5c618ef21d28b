package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
)

// openPage starts a node and opens its page in a browser.
func openPage(t *testing.T, args ...string) (*node, *browser) {
	t.Helper()
	n := place(t, netnstest.New(t))
	n.start(append([]string{"--iface", "none", "--video-workers", "1", "--prefixes", loopbackPrefixes(t)}, args...)...)
	b := newBrowser(t, n)
	b.open("https://localhost/")
	b.until("the pipelines are listed", `!document.getElementById("start").disabled`)
	return n, b
}

// loopbackPrefixes gives the browser a class.
func loopbackPrefixes(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prefixes.csv")
	if err := os.WriteFile(path, []byte("prefix,province_id,isp\n127.0.0.0/8,44,CUCC\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// processed is what the page shows of a stream.
type processed struct {
	Error, Summary, Proto, Class, RTT string
	Stages                            []string
	Before, After                     struct {
		Seconds float64
		Width   int
		Frames  int // shown so far
	}
}

// process chooses a pipeline, starts it, and plays what comes of it.
func (b *browser) process(pipeline string) (p processed) {
	b.t.Helper()
	b.click("input[name=pipeline][value=" + pipeline + "]")
	b.click("#start")
	b.until("the stream ends", `!document.getElementById("start").disabled`)
	b.until("both videos play, or there is an error", `document.getElementById("error").hidden === false ||
		["before", "after"].every((id) => { const v = document.getElementById(id); if (v.paused && !v.ended) v.play(); return v.getVideoPlaybackQuality().totalVideoFrames > 5 })`)
	b.script(`const text = (id) => document.getElementById(id).textContent;
		const video = (id) => { const v = document.getElementById(id); return {Seconds: Number.isFinite(v.duration) ? v.duration : 0, Width: v.videoWidth, Frames: v.getVideoPlaybackQuality().totalVideoFrames}; };
		return {Error: text("error"), Summary: text("summary"), Proto: text("proto"), Class: text("class"), RTT: text("rtt"), Before: video("before"), After: video("after"),
			Stages: [...document.querySelectorAll("#timings th")].map((e) => e.textContent)};`, &p)
	return p
}

// TestPageSendsAClip is what a visitor does: chooses a file and a pipeline, and looks at both videos. All of it is over HTTP/3.
func TestPageSendsAClip(t *testing.T) {
	n, b := openPage(t)
	b.fill("#file", testclip.Make(t, testclip.Spec{Seconds: 3, Audio: true, Format: testclip.MP4IndexLast}))
	p := b.process("beauty_v2")
	b.picture("clip")
	if p.Error != "" || !strings.HasPrefix(p.Summary, "75 frames of 640×360 in ") || !strings.Contains(p.Summary, "sent over h3") {
		t.Errorf("got %+v", p)
	}
	if p.Proto != "h3" || p.Class != "Guangdong 广东, CUCC" || !strings.HasSuffix(p.RTT, " ms") {
		t.Errorf("the connection is %q of %q, %q away", p.Proto, p.Class, p.RTT)
	}
	for name, v := range map[string]float64{"before": p.Before.Seconds, "after": p.After.Seconds} {
		if v < 2.9 || v > 3.1 {
			t.Errorf("%s lasts %g s, want 3", name, v)
		}
	}
	if p.After.Width != 640 {
		t.Errorf("got %+v", p.After)
	}
	for _, stage := range []string{"demux", "decode", "infer", "encode", "mux"} {
		if !strings.Contains(fmt.Sprint(p.Stages), stage) {
			t.Errorf("no time for %s in %v", stage, p.Stages)
		}
	}
	if said := b.console(); said != "" { // above all: nothing that the page's own policy forbids
		t.Errorf("the browser complains:\n%s", said)
	}
	_, metrics := n.get("http://localhost:8080/metrics")
	for _, handler := range []string{"page", "pipelines", "client", "stream", "state"} {
		if !regexp.MustCompile(`(?m)^quicedge_http_requests_total\{code="200",handler="` + handler + `",proto="h3"\} [1-9]`).MatchString(metrics) {
			t.Errorf("no request of %s over HTTP/3 in:\n%s", handler, regexp.MustCompile(`(?m)^quicedge_http_requests_total.*`).FindAllString(metrics, -1))
		}
	}
}

// TestPageSendsThePattern needs no file. The page has its own place beside a root folder.
func TestPageSendsThePattern(t *testing.T) {
	_, b := openPage(t)
	b.click("input[name=source][value=pattern]")
	p := b.process("beauty_v2")
	b.picture("pattern")
	if p.Error != "" || !strings.HasPrefix(p.Summary, "150 frames of 640×360 in ") || p.Before.Seconds != 5 || p.After.Seconds < 4.9 || p.After.Seconds > 5.1 {
		t.Errorf("got %+v", p)
	}
}

// TestPageShowsTheNodesWords sends what is no video, then a clip: an error is no end.
func TestPageShowsTheNodesWords(t *testing.T) {
	_, b := openPage(t)
	text := filepath.Join(t.TempDir(), "text.mp4")
	if err := os.WriteFile(text, []byte(strings.Repeat("no video\n", 5000)), 0o644); err != nil {
		t.Fatal(err)
	}
	b.fill("#file", text)
	p := b.process("beauty_v2")
	b.picture("error")
	if !strings.Contains(p.Error, "it is not a video that can be read") {
		t.Errorf("the page says %q", p.Error)
	}
	b.fill("#file", testclip.Make(t, testclip.Spec{}))
	if p := b.process("beauty_v2"); !strings.HasPrefix(p.Summary, "50 frames") {
		t.Errorf("afterwards: %+v", p)
	}
}

// TestPageCancelsWhileItWaits presses Cancel while the pattern waits for a worker that stands still.
func TestPageCancelsWhileItWaits(t *testing.T) {
	n, b := openPage(t)
	stopped := n.workers()
	signal := func(s syscall.Signal) {
		for _, pid := range stopped {
			if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Error(err)
			}
		}
	}
	signal(syscall.SIGSTOP)
	t.Cleanup(func() { signal(syscall.SIGCONT) })
	b.click("#start")
	b.click("#cancel")
	b.until("the run ends", `!document.getElementById("start").disabled`)
	var said string
	b.script(`return document.getElementById("error").textContent`, &said)
	if said != "Canceled." {
		t.Errorf("the page says %q", said)
	}
	if said := b.console(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}

// TestPageShowsVerdicts runs a pipeline that judges.
func TestPageShowsVerdicts(t *testing.T) {
	_, b := openPage(t)
	p := b.process("moderate")
	var shown []string
	b.script(`return document.getElementById("judged").hidden ? [] : [...document.querySelectorAll("#verdicts tr")].map((e) => e.textContent)`, &shown)
	b.picture("verdicts")
	if p.Error != "" || len(shown) != 10 || !strings.Contains(shown[0], "dark 0.") {
		t.Errorf("got %+v, verdicts %q", p, shown)
	}
}
