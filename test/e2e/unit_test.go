package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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

const unit = "quicedge.service"

// TestTheUnitsAreValid has systemd read those of examples/, with the program of this build.
func TestTheUnitsAreValid(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, unit+".d"), 0o755); err != nil {
		t.Fatal(err)
	}
	names := []string{unit, "quicedge.socket", unit + ".d/debian-12.conf"}
	for _, name := range names {
		text := strings.ReplaceAll(example(t, name), "/usr/local/bin/quicedge", program)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("systemd-analyze", append([]string{"verify", "--man=no"}, names[:2]...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":") // before the system's
	out, err := cmd.CombinedOutput()
	old := regexp.MustCompile(`.*: Failed to parse service type, ignoring: notify-reload\n`) // what the third file is for
	if wrong := old.ReplaceAllString(string(out), ""); err != nil || wrong != "" {
		t.Errorf("%v\n%s", err, wrong)
	}
}

// TestTheUnitsRightsAreEnough upgrades a node of root's, twice, with the capabilities that the unit leaves it and no way to new ones.
func TestTheUnitsRightsAreEnough(t *testing.T) {
	netnstest.NeedBPF(t)
	rights := regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)`).FindStringSubmatch(example(t, unit))
	if rights == nil {
		t.Fatal("the unit bounds no capabilities")
	}
	bound := strings.ReplaceAll(strings.ToLower(" "+rights[1]), " cap_", ",+")
	script := filepath.Join(t.TempDir(), "confined")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec setpriv --no-new-privs --bounding-set -all"+bound+" "+program+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	n := place(t, netnstest.New(t))
	n.program = script
	n.start("--iface", "lo", "--workers", "2", "--video-worker", "/nowhere")
	if !strings.Contains(n.stdout.String(), "by the kernel") {
		t.Fatalf("the data plane was not loaded:\n%s", n.stderr)
	}
	pid := n.cmd.Process.Pid
	for range 2 {
		next := n.upgrade()
		n.gone(pid)
		pid = next
	}
	if status, text := n.get("http://localhost:8080/readyz?verbose"); status != http.StatusOK || !strings.Contains(text, "[+]bpf ok") {
		t.Errorf("after two upgrades: %d %s", status, text)
	}
	syscall.Kill(pid, syscall.SIGTERM)
	n.gone(pid)
}

func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
