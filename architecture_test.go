package quicedge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// levels orders the packages: each imports only packages of lower levels, so that imports run one way and siblings, which
// share a level, do not know each other.
var levels = [][]string{
	{"", "internal/acme", "internal/cgroup", "internal/class", "internal/csvfile", "internal/handover", "internal/pipeline/wire", "internal/privilege", "internal/replay", "internal/ticketkey", "models", "bpf"},
	{"internal/mtu", "internal/measure", "internal/prefix", "internal/config", "internal/pipeline/av", "internal/pipeline/infer", "internal/pipeline/motion", "internal/pipeline/recipe"},
	{"internal/path", "internal/statedir", "internal/prefix/importer"},
	{"internal/dataplane", "internal/pipeline"},
	{"internal/quicsrv", "internal/edge", "internal/control", "internal/adminsocket", "internal/doctor", "internal/pipeline/worker"},
	{"internal/node"},
	{"cmd/quicedge", "cmd/quicedge-video"},
}

// owners names the only packages that may import a module.
var owners = map[string][]string{
	"github.com/cilium/ebpf":               {"internal/dataplane", "bpf"},
	"github.com/vishvananda/netlink":       {"internal/dataplane"},
	"github.com/quic-go/quic-go":           {"internal/quicsrv"},
	"github.com/asticode/go-astiav":        {"internal/pipeline/av"},
	"github.com/yalue/onnxruntime_go":      {"internal/pipeline/infer"},
	"github.com/oschwald/maxminddb-golang": {"internal/prefix/importer"},
	"github.com/caddyserver/certmagic":     {"internal/acme"},
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	CgoFiles   []string
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e", "-deps", "-json=ImportPath,Standard,Imports,CgoFiles"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// local cuts the module's name off a package of this module.
func local(path string) (string, bool) {
	if path == "quicedge" {
		return "", true
	}
	return strings.CutPrefix(path, "quicedge/")
}

// supports reports whether a package serves tests and generators only.
func supports(pkg string) bool {
	return strings.HasPrefix(pkg, "test/") || strings.HasSuffix(pkg, "test") || strings.HasPrefix(pkg, "models/") || strings.Contains(pkg, "/test")
}

func TestImportsRunOneWay(t *testing.T) {
	level := map[string]int{}
	for n, pkgs := range levels {
		for _, p := range pkgs {
			level[p] = n
		}
	}
	for _, p := range list(t, "./...") {
		name, ours := local(p.ImportPath)
		if !ours || supports(name) {
			continue
		}
		if _, ok := level[name]; !ok {
			t.Errorf("package %s has no level: add it to the levels of this test, and to docs/architecture.md", name)
			continue
		}
		for _, imported := range p.Imports {
			to, ours := local(imported)
			if ours && level[to] >= level[name] {
				t.Errorf("%s imports %s: imports go to lower levels only", name, to)
			}
			for module, allowed := range owners {
				if (imported == module || strings.HasPrefix(imported, module+"/")) && !slices.Contains(allowed, name) {
					t.Errorf("%s imports %s: only %v may", name, imported, allowed)
				}
			}
		}
	}
}

func TestTheMainProgramLinksNoC(t *testing.T) {
	for _, p := range list(t, "./cmd/quicedge") {
		name, ours := local(p.ImportPath)
		if ours && len(p.CgoFiles) > 0 || strings.Contains(p.ImportPath, "go-astiav") || strings.Contains(p.ImportPath, "onnxruntime") {
			t.Errorf("quicedge links %s (%s): C belongs into quicedge-video", p.ImportPath, name)
		}
	}
}

func TestTestSupportStaysOutOfThePrograms(t *testing.T) {
	for _, p := range list(t, "./cmd/...") {
		if name, ours := local(p.ImportPath); ours && supports(name) {
			t.Errorf("a program links %s, which is for tests", name)
		}
	}
}
