package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quicedge/internal/adminsocket"
	"quicedge/internal/netnstest"
	"quicedge/models"
)

// TestAnOperatorSwitchesAModel asks for versions of a model by HTTP: one that came into the folder after the start, and some that must
// not be used.
func TestAnOperatorSwitchesAModel(t *testing.T) {
	all, err := models.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sum := all[0].SHA256
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(version, sum string) string {
		return `{"models":[{"name":"beauty_v2","version":` + version + `,"file":"b.onnx","sha256":"` + sum + `",
			"input":{"type":"uint8","layout":"NCHW","colour":"yuv420","range":"0..255"},"output":{"name":"out","use":"image"},
			"parameters":[{"name":"strength","default":1,"min":0,"max":1}],"options":{}}]}`
	}
	write("b.onnx", string(all[0].ONNX))
	write(models.ManifestName, entry("1", sum))
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--video-workers", "1", "--models", dir)
	for _, c := range []struct {
		what, manifest, body string
		status               int
		want                 string
	}{
		{"a version of nobody", entry("1", sum), `{"model":{"name":"beauty_v2","version":7}}`, http.StatusNotFound, "unknown_model"},
		{"a wrong sum", entry("2", strings.Repeat("0", 64)), `{"model":{"name":"beauty_v2","version":2}}`, http.StatusUnprocessableEntity, "has the sha256"},
		{"a new version", entry("2", sum), `{"model":{"name":"beauty_v2","version":2}}`, http.StatusOK, `"updated":["model"]`},
		{"back", entry("2", sum), `{"model":{"name":"beauty_v2","version":1}}`, http.StatusOK, `"updated":["model"]`},
	} {
		write(models.ManifestName, c.manifest)
		if status, text := n.update(c.body); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", c.what, status, text)
		}
		if status, text := n.process("beauty_v2"); status != http.StatusOK {
			t.Errorf("after %s: %d %s", c.what, status, text)
		}
	}

	const refusal = "reload of pipelines and models refused"
	before := strings.Count(n.stderr.String(), refusal)
	write(models.ManifestName, entry("3", strings.Repeat("0", 64)))
	n.until("a bad change is refused", func() bool { return strings.Count(n.stderr.String(), refusal) > before })
	write(models.ManifestName, entry("3", sum))
	n.until("a good change is in force, and no signal was sent", func() bool { return n.modelInForce("beauty_v2") == 3 })
	if said := strings.Count(n.stderr.String(), refusal) - before; said != 1 {
		t.Errorf("the refusal is in the log %d times:\n%s", said, n.stderr)
	}
}

// process has the node make frames and run them through a pipeline.
func (n *node) process(pipeline string) (status int, text string) {
	n.t.Helper()
	resp, err := n.operator().Post("http://localhost:8080/api/v1/process", "application/json",
		strings.NewReader(`{"width":64,"height":64,"frame_count":2,"pipeline":"`+pipeline+`"}`))
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Status
}

// modelInForce is the version of a model that the node's status says.
func (n *node) modelInForce(name string) int {
	n.t.Helper()
	_, out, _ := n.run("status", "-o", "json")
	var status struct {
		Node struct{ Video adminsocket.Video }
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		n.t.Fatalf("status: %v: %s", err, out)
	}
	for _, m := range status.Node.Video.Models {
		if m.Name == name && m.InForce {
			return m.Version
		}
	}
	return 0
}
