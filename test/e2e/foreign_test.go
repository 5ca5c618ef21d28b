package e2e

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/netnstest"
	"quicedge/test/lab/lab"
	"quicedge/test/lab/link"
)

const (
	page      = "<!doctype html><title>served</title><p id=p>a page of the edge</p>\n"
	bigFile   = 10 << 20
	seriesEnd = `(?:\{[^}]*\})? ([0-9.e+]+)$`
)

// site is a node and a host of its clients.
type site struct {
	*node
	clients netnstest.NS
	addr    string // of the node
	device  string // that its data plane is attached to
}

// newSite has nothing between the two but a link of 1500 bytes.
func newSite(t *testing.T) site {
	t.Helper()
	netnstest.NeedBPF(t)
	edge, clients := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t,
		netnstest.End{NS: edge, Name: "edge0", Addrs: []string{"198.51.100.1/24"}},
		netnstest.End{NS: clients, Name: "client0", Addrs: []string{"198.51.100.7/24"}})
	return site{place(t, edge), clients, "198.51.100.1", "edge0"}
}

// newFarSite has the clients a round-trip time away. The data plane has no part in it.
func newFarSite(t *testing.T, rtt time.Duration) site {
	t.Helper()
	of := class.Of(44, class.CUCC)
	delay := link.Path{Delay: rtt / 2}
	l := lab.New(t, lab.Config{Seed: 1, Classes: []lab.Class{{ID: of, Settings: link.Settings{Up: delay, Down: delay}}}})
	client := lab.Host(lab.Net4(of, 0), 1)
	netnstest.Join(t, netnstest.End{NS: l.Clients, Name: lab.Device, Addrs: []string{client.String() + "/32"}})
	return site{place(t, l.Edge), l.Clients, lab.EdgeAddr(client).Addr().String(), "none"}
}

// serve starts the node with a page, index.html, and a file of bigFile bytes, big, and has it say of each request what it was.
func (s site) serve(args ...string) { s.t.Helper(); s.serveAlso(nil, args...) }

// serveAlso serves more files.
func (s site) serveAlso(files map[string][]byte, args ...string) {
	s.t.Helper()
	root := s.t.TempDir()
	all := map[string][]byte{"index.html": []byte(page), "big": bytes.Repeat([]byte("0123456789abcdef"), bigFile/16)}
	maps.Copy(all, files)
	for name, content := range all {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.start(append([]string{"--iface", s.device, "--prefixes", demo, "--root", root, "--access-log"}, args...)...)
}

// serveRoot is a site whose node serves.
func serveRoot(t *testing.T, args ...string) site {
	t.Helper()
	s := newSite(t)
	s.serve(args...)
	return s
}

// visited runs a client's program where the clients are.
func (s site) visited(cmd *exec.Cmd) (code int, stdout, stderr string) {
	s.t.Helper()
	there := *s.node
	there.ns = s.clients
	return there.exec(cmd)
}

// count sums the series of a metric that have a label: "" is any. Where there is none it is 0.
func (n *node) count(metric, label string) (sum float64) {
	n.t.Helper()
	return n.countAt("http://localhost:8080/metrics", metric, label)
}

func (n *node) countAt(url, metric, label string) (sum float64) {
	n.t.Helper()
	_, text := n.get(url)
	for _, line := range regexp.MustCompile(`(?m)^`+metric+seriesEnd).FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(line[1], 64)
		if err != nil {
			n.t.Fatal(err)
		}
		if strings.Contains(line[0], label) {
			sum += value
		}
	}
	return sum
}

// ngtcp2 is a client of another make, gtlsclient of ngtcp2 0.12.1. Its visits share a session, its transport parameters and a token.
type ngtcp2 struct {
	at  site
	dir string
}

func newNgtcp2(t *testing.T, at site) ngtcp2 {
	t.Helper()
	return ngtcp2{at, t.TempDir()}
}

// visit fetches something with further flags, and returns what the client says of each packet. Its exit code says little: it is 0 where
// the handshake timed out.
func (c ngtcp2) visit(path string, flags ...string) string {
	c.at.t.Helper()
	args := append([]string{
		"60", "gtlsclient", "--exit-on-all-streams-close", "--no-http-dump", "--session-file=" + filepath.Join(c.dir, "session"),
		"--tp-file=" + filepath.Join(c.dir, "params"), "--token-file=" + filepath.Join(c.dir, "token"), "--download=" + c.dir,
	}, flags...)
	_, said, errs := c.at.visited(exec.Command("timeout", append(args, c.at.addr, "443", "https://localhost/"+path)...))
	return said + errs
}

// fetched reports whether what was fetched last came whole, and forgets it.
func (c ngtcp2) fetched(path string) bool {
	c.at.t.Helper()
	at := filepath.Join(c.dir, path)
	got, err := os.ReadFile(at)
	if err != nil {
		return false
	}
	if err := os.Remove(at); err != nil {
		c.at.t.Fatal(err)
	}
	return string(got) == page || len(got) == bigFile
}
