package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quicedge/internal/netnstest"
)

const page = "<!doctype html><title>served</title><p id=p>a page of the edge</p>\n"

// serveRoot starts a node that serves one page.
func serveRoot(t *testing.T) *node {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo, "--root", root)
	return n
}

// TestNgtcp2Fetches lets an independent HTTP/3 client fetch a page.
func TestNgtcp2Fetches(t *testing.T) {
	n := serveRoot(t)
	dir := t.TempDir()
	code, _, errs := n.exec(exec.Command("gtlsclient", "--quiet", "--exit-on-all-streams-close", "--download", dir, "127.0.0.1", "443", "https://localhost/index.html"))
	got, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if code != 0 || err != nil || string(got) != page {
		t.Errorf("exit %d, %q, %v: %s", code, got, err, errs)
	}
}

// TestChromiumFetches lets a browser fetch a page over HTTP/3; the node's metrics say which protocol it was.
func TestChromiumFetches(t *testing.T) {
	n := serveRoot(t)
	spki := regexp.MustCompile(`sha256//([A-Za-z0-9+/=]+)`).FindStringSubmatch(n.stdout.String())
	if spki == nil {
		t.Fatalf("no public key in %s", n.stdout)
	}
	chromium := exec.Command("timeout", "60", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--host-resolver-rules=MAP localhost 127.0.0.1, MAP * ~NOTFOUND",
		"--origin-to-force-quic-on=localhost:443", "--ignore-certificate-errors-spki-list="+spki[1], "--dump-dom", "https://localhost:443/")
	code, dom, errs := n.exec(chromium)
	if code != 0 || !strings.Contains(dom, "a page of the edge") {
		t.Fatalf("exit %d: %s\n%s", code, dom, errs)
	}
	_, metrics := n.get("http://localhost:8080/metrics")
	if !regexp.MustCompile(`(?m)^quicedge_http_requests_total\{.*code="200".*proto="h3".*\} [1-9]`).MatchString(metrics) {
		t.Errorf("no request over HTTP/3 in the metrics:\n%s", regexp.MustCompile(`(?m)^quicedge_http_requests_total.*`).FindString(metrics))
	}
}
