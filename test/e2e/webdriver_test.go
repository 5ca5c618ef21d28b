package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"quicedge/internal/netnstest"
)

// chromiumFlags keep a browser to itself and to the node at addr, over HTTP/3; spki is the public key of the node's certificate.
func chromiumFlags(t *testing.T, addr, spki string) []string {
	return []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=" + t.TempDir(), "--host-resolver-rules=MAP localhost " + addr + ", MAP * ~NOTFOUND",
		"--origin-to-force-quic-on=localhost:443", "--ignore-certificate-errors-spki-list=" + spki,
	}
}

// spki returns the public key that the node has said its certificate has.
func (n *node) spki() string {
	n.t.Helper()
	key := regexp.MustCompile(`sha256//([A-Za-z0-9+/=]+)`).FindStringSubmatch(n.stdout.String())
	if key == nil {
		n.t.Fatalf("no public key in %s", n.stdout)
	}
	return key[1]
}

// browser is a Chromium in the node's namespace, steered through chromedriver (W3C WebDriver).
type browser struct {
	t       *testing.T
	client  *http.Client
	session string // URL
}

const driverURL = "http://127.0.0.1:9515"

func newBrowser(t *testing.T, n *node) *browser {
	t.Helper()
	driver := exec.Command("chromedriver", "--port=9515")
	log := &buffer{}
	driver.Stdout, driver.Stderr = log, log
	var err error
	netnstest.Do(t, n.ns, func() { err = driver.Start() })
	if err != nil {
		t.Fatalf("%v (native/packages.sh browser installs what this test needs)", err)
	}
	t.Cleanup(func() { _ = driver.Process.Kill(); _ = driver.Wait() })
	b := &browser{t: t, client: n.operator()}
	n.until("chromedriver answers", func() bool {
		resp, err := b.client.Get(driverURL + "/status")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	options := map[string]any{"args": append(chromiumFlags(t, "127.0.0.1", n.spki()), "--window-size=1100,1500")}
	var made struct{ SessionID string }
	b.session = driverURL + "/session"
	b.call("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": map[string]string{"browser": "ALL"},
	}}}, &made)
	b.session += "/" + made.SessionID
	t.Cleanup(func() { b.call("DELETE", "", nil, nil) }) // before the driver is killed: it takes the browser with it
	return b
}

// call sends a command and reads its value.
func (b *browser) call(method, path string, params, value any) {
	b.t.Helper()
	var body []byte
	if params != nil {
		var err error
		if body, err = json.Marshal(params); err != nil {
			b.t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, b.session+path, bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s %v: %.2000s", method, path, resp.Status, err, text)
	}
	if value != nil {
		if err := json.Unmarshal(text, &struct{ Value any }{value}); err != nil {
			b.t.Fatalf("%s %s: %v: %.500s", method, path, err, text)
		}
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call("POST", "/url", map[string]string{"url": url}, nil)
}

// element returns the path of the one element that a CSS selector finds.
func (b *browser) element(css string) string {
	b.t.Helper()
	var found map[string]string
	b.call("POST", "/element", map[string]string{"using": "css selector", "value": css}, &found)
	for _, id := range found {
		return "/element/" + id
	}
	b.t.Fatalf("no element %s", css)
	return ""
}

func (b *browser) click(css string) {
	b.t.Helper()
	b.call("POST", b.element(css)+"/click", struct{}{}, nil)
}

// fill types into an input; into one for files, the path of a file.
func (b *browser) fill(css, text string) {
	b.t.Helper()
	b.call("POST", b.element(css)+"/value", map[string]string{"text": text}, nil)
}

// script runs the body of a function in the page and reads what it returns.
func (b *browser) script(code string, value any) {
	b.t.Helper()
	b.call("POST", "/execute/sync", map[string]any{"script": code, "args": []any{}}, value)
}

// until waits until an expression is true in the page.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; {
		var holds bool
		if b.script("return !!("+expression+")", &holds); holds {
			return
		}
		if time.Now().After(end) {
			var body string
			b.script("return document.body.innerText", &body)
			b.t.Fatalf("in vain: %s; the page says:\n%s\n%s", what, body, b.console())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// console is what the page, and the browser about the page, have written to its console.
func (b *browser) console() string {
	b.t.Helper()
	var lines []struct{ Level, Message string }
	b.call("POST", "/se/log", map[string]string{"type": "browser"}, &lines)
	var text strings.Builder
	for _, l := range lines {
		if strings.Contains(l.Message, "localhost") { // not of the browser's own pages
			fmt.Fprintf(&text, "%s: %s\n", l.Level, l.Message)
		}
	}
	return text.String()
}

// picture leaves a picture of the page among the test's artifacts, for who wants to look (go test -artifacts).
func (b *browser) picture(name string) {
	b.t.Helper()
	var encoded string
	b.call("GET", "/screenshot", nil, &encoded)
	png, err := base64.StdEncoding.DecodeString(encoded)
	if err == nil {
		err = os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
