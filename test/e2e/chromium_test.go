package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
)

// browsed is a page that downloads a file, uploads a video of the same size, and then asks for a small thing again and again. What it has got
// it tells by the paths that it asks for.
const browsed = `<!doctype html><title>browsed</title><script>
const fresh = {cache: "no-store"}
const say = (what, value) => fetch("/said/" + what + "/" + value, fresh)
const size = async answer => answer.status + "/" + (await answer.arrayBuffer()).byteLength
async function run() {
	await say("down", await size(await fetch("/big", fresh)))
	const video = await (await fetch("/clip.ts", fresh)).blob()
	await say("up", video.size + "/" + await size(await fetch("/api/v1/streams/up?pipeline=beauty_v2", {method: "POST", body: video})))
	for (;;) {
		await new Promise(done => setTimeout(done, 100))
		await fetch("/index.html", fresh).catch(() => 0)
	}
}
run().catch(e => say("failed", encodeURIComponent(e)))
</script>`

// logLine is what a test wants to know of a line of the access log.
type logLine struct {
	Path   string
	Method string
	Proto  string
	Early  bool `json:"early_data"`
	Status int
	Bytes  int
}

// requests returns the lines of the node's access log so far.
func (n *node) requests() (lines []logLine) {
	for text := range strings.Lines(n.stderr.String()) {
		var line logLine
		if json.Unmarshal([]byte(text), &line) == nil && line.Path != "" { // others, and one that is being written, are none
			lines = append(lines, line)
		}
	}
	return lines
}

// said returns the rest of a path by which the page tells something, once it has.
func (n *node) said(what string) string {
	n.t.Helper()
	said := ""
	n.until("the browser says "+what, func() bool {
		for _, line := range n.requests() {
			if rest, ok := strings.CutPrefix(line.Path, "/said/failed/"); ok {
				n.t.Fatalf("the page failed: %s", rest)
			}
			if rest, ok := strings.CutPrefix(line.Path, "/said/"+what+"/"); ok {
				said = rest
			}
		}
		return said != ""
	})
	return said
}

// TestChromium has a browser download and upload 10 MiB over HTTP/3, and come back with 0-RTT, to the process that has taken
// over meanwhile. A restart would not do: Chromium spends its one ticket on a try while nobody listens.
func TestChromium(t *testing.T) {
	s := newFarSite(t, 40*time.Millisecond) // so that a request is read long before the handshake is complete
	clip, whole := longClip(t)
	root := map[string][]byte{"browsed.html": []byte(browsed), "clip.ts": clip}
	cert, key, spki := certificate(t) // one that stays when another process takes over
	s.serveAlso(root, "--video-workers", "1", "--cert", cert, "--key", key, "--keep-timeout", "1s")
	s.browse("https://localhost/browsed.html", spki)
	if got, want := s.said("down"), fmt.Sprintf("200/%d", bigFile); got != want {
		t.Errorf("downloaded %s, want %s", got, want)
	}
	if got, want := s.said("up"), fmt.Sprintf("%d/200/%d", len(clip), s.processed(whole)); got != want {
		t.Errorf("uploaded %s, want %s", got, want)
	}
	for _, line := range s.requests() {
		if line.Proto != "h3" && strings.Contains(line.Path, ".") {
			t.Errorf("not over HTTP/3: %+v", line)
		}
	}
	s.upgrade() // the old process gives its connections up when keep-timeout is over
	s.until("the browser comes back with 0-RTT", func() bool {
		for _, line := range s.requests() {
			if line.Early && line.Proto == "h3" && line.Status == 200 && line.Path == "/index.html" {
				return true
			}
		}
		return false
	})
	for name, label := range map[string]string{"quicedge_tls_early_data_total": "accepted", "quicedge_http_early_data_requests_total": ""} {
		if s.count(name, label) < 1 {
			t.Errorf("the node does not count it in %s", name)
		}
	}
}

// longClip is a video of more than bigFile bytes, most of which say nothing (null packets, ISO/IEC 13818-1), and what is left without these.
func longClip(t *testing.T) (long, whole []byte) {
	t.Helper()
	const packet = 188
	whole = testclip.Read(t, testclip.Spec{Width: 320, Height: 180, Seconds: 2, Format: testclip.MPEGTS})
	null := append([]byte{0x47, 0x1f, 0xff, 0x10}, bytes.Repeat([]byte{0xff}, packet-4)...)
	half := len(whole) / 2 / packet * packet
	long = append(long, whole[:half]...)
	long = append(long, bytes.Repeat(null, bigFile/packet+1)...)
	return append(long, whole[half:]...), whole
}

// processed returns the bytes of the answer to a video.
func (n *node) processed(video []byte) int {
	n.t.Helper()
	resp, err := n.operator().Post("http://localhost:8080/api/v1/streams/whole?pipeline=beauty_v2", "video/mp2t", bytes.NewReader(video))
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != 200 {
		n.t.Fatalf("%s: %v", resp.Status, err)
	}
	return b.Len()
}

// certificate makes a self-signed one, and returns its files and the hash of its public key.
func certificate(t *testing.T) (cert, key, spki string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, base64.StdEncoding.EncodeToString(sum[:])
}

// browse opens a page of the node in Chromium, over HTTP/3 alone, until the test ends.
func (s site) browse(url, spki string) {
	s.t.Helper()
	cmd := exec.Command("chromium", append(chromiumFlags(s.t, s.addr, spki), "--remote-debugging-port=0", url)...)
	said := &buffer{}
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	netnstest.Do(s.t, s.clients, func() { err = cmd.Start() })
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it and its children
		cmd.Wait()                                      // killed
		if s.t.Failed() {
			s.t.Logf("the browser's log:\n%s", said)
		}
	})
}
