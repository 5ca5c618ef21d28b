package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const demo = "../../examples/demo_prefixes.csv"

// cli runs one command line in this process, with state in a folder of its own and nothing pinned.
type cli struct {
	t         *testing.T
	dir, pins string
	environ   map[string]string
	clock     func(time.Duration) (<-chan time.Time, func())
	printed   chan struct{} // told of each output; may be nil
	rows      int           // of the terminal that stdout is; 0: it is none
}

// told is an output that tells of each write.
type told struct {
	text bytes.Buffer
	each chan struct{}
}

func (w *told) Write(p []byte) (int, error) {
	n, err := w.text.Write(p)
	select {
	case w.each <- struct{}{}:
	default: // nobody waits
	}
	return n, err
}

func newCLI(t *testing.T) *cli {
	dir := t.TempDir()
	return &cli{t: t, dir: dir, pins: filepath.Join(dir, "pins"), environ: map[string]string{}}
}

func (c *cli) run(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out told
	var errs bytes.Buffer
	out.each = c.printed
	e := env{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs, environ: c.environ,
		screen: func() (int, bool) { return c.rows, c.rows > 0 }, now: func() time.Time { return began }, clock: c.clock,
	}
	args = append(args, "--state-dir", filepath.Join(c.dir, "state"), "--pin-dir", c.pins)
	code = run(context.Background(), e, args)
	return code, out.text.String(), errs.String()
}

// began is when every command of a test begins.
var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (c *cli) write(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	return v
}

func TestVersionIsAFlagToo(t *testing.T) {
	c := newCLI(t)
	code, out, errs := c.run("--version")
	if _, long, _ := c.run("version"); code != exitOK || out != "quicedge "+version+"\n" || errs != "" || !strings.Contains(long, version) {
		t.Errorf("exit %d: %q %q", code, out, errs)
	}
}

func TestLookupPrintsTheDocumentedFields(t *testing.T) {
	code, out, errs := newCLI(t).run("lookup", "198.51.100.7", "--prefixes", demo, "-o", "json")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, errs)
	}
	got := decode[map[string]any](t, out)
	for name, want := range map[string]any{
		"address": "198.51.100.7", "prefix": "198.51.100.0/24", "province_id": 23.0, "province": "Heilongjiang", "isp": "CMCC",
		"class": 185.0, "mtu": 1372.0, "budget": 1324.0, "source": "csv", "province_zh": "黑龙江", "apiVersion": "quicedge/v1",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestOverridesAreKeptAndExplained(t *testing.T) {
	c := newCLI(t)
	mtuOf := func(addr string) (float64, string) {
		code, out, errs := c.run("lookup", addr, "--prefixes", demo, "-o", "json")
		if code != exitOK {
			t.Fatal(errs)
		}
		got := decode[map[string]any](t, out)
		return got["mtu"].(float64), got["source"].(string)
	}
	if size, source := mtuOf("203.0.113.9"); size != 1412 || source != "csv" {
		t.Errorf("before: %v from %s", size, source)
	}
	code, out, errs := c.run("mtu", "set", "--province", "广东", "--isp", "CUCC", "1400", "-o", "json")
	if got := decode[mtuChange](t, out); code != exitOK || got.Applied != appliedSaved || got.ProvinceID != "44" || got.MTU != 1400 {
		t.Fatalf("exit %d: %s %s", code, out, errs)
	}
	if size, source := mtuOf("203.0.113.9"); size != 1400 || source != "override" {
		t.Errorf("after set: %v from %s", size, source)
	}
	code, out, _ = c.run("mtu", "get", "--province", "44", "--isp", "CUCC", "-o", "json")
	if got := decode[mtuGot](t, out); code != exitOK || got.MTU != 1400 || got.Budget != 1352 || got.Source != "override" {
		t.Errorf("get: exit %d, %+v", code, got)
	}
	code, out, _ = c.run("mtu", "list", "-o", "json")
	if got := decode[mtuList](t, out); code != exitOK || got.Live || len(got.Rows) != 7 || got.Rows[0].Source != "override" || got.Rows[0].Classes != 1 ||
		got.Rows[1].Classes != 0 || got.Rows[6].ProvinceID != "default" || got.Rows[6].Classes < 100 {
		t.Errorf("list: exit %d, %+v", code, got)
	}
	if code, _, errs := c.run("mtu", "unset", "--province", "44", "--isp", "CUCC"); code != exitOK {
		t.Errorf("unset: exit %d, %s", code, errs)
	}
	if size, source := mtuOf("203.0.113.9"); size != 1412 || source != "csv" {
		t.Errorf("after unset: %v from %s", size, source)
	}
	if code, _, errs := c.run("mtu", "unset", "--province", "44", "--isp", "CUCC"); code != exitFailed || !strings.Contains(errs, "no override for 44/CUCC") {
		t.Errorf("second unset: exit %d, %s", code, errs)
	}
}

func TestWrongCommandLinesAreExitCode2(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, "unknown command"},
		{[]string{"mtu"}, "name what to do"},
		{[]string{"mtu", "put"}, "unknown command"},
		{[]string{"lookup"}, "accepts 1 arg"},
		{[]string{"lookup", "198.51.100"}, "write an IPv4 or IPv6 address"},
		{[]string{"lookup", "::1", "-o", "xml"}, "use table or json"},
		{[]string{"load"}, "iface"},
		{[]string{"load", "--iface", "lo", "--ports", "0"}, "port 0: use 1 to 65535"},
		{[]string{"load", "--iface", "lo", "--ports", "http"}, "ports"},
		{[]string{"load", "--iface", "lo", "--mode", "xdp"}, "--mode: attach_mode \"xdp\": use auto, tcx or clsact"},
		{[]string{"load", "--iface", "lo", "--table-kind", "hash"}, "--table-kind: table_kind \"hash\": use dir or trie"},
		{[]string{"load", "--iface", "lo", "--mark", "0xff"}, "--mark: mark \"0xff\": 8 bits are set"},
		{[]string{"run", "--priority", "1:2"}, "--priority: priority \"1:2\""},
		{[]string{"check", "--screen=often"}, "screen"},
		{[]string{"stats", "--class", "Atlantis"}, `--class "Atlantis": unknown province "Atlantis"`},
		{[]string{"stats", "--class", "23/AOL"}, `--class "23/AOL": unknown isp "AOL": use one of OTHER, CMCC`},
		{[]string{"stats", "--class", "999"}, `--class "999": unknown province "999"`},
		{[]string{"stats", "--reason", "lost"}, `--reason "lost": there is none of this name: use pass, clamped, clamped-silent`},
		{[]string{"stats", "--watch", "--interval", "1ms"}, "--interval 1ms: use 100ms or more"},
		{[]string{"stats", "--watch", "--count", "-1"}, "--count -1: use 0 or more"},
		{[]string{"stats", "--interval", "1s"}, "go with --watch"},
		{[]string{"run", "--bogus"}, "unknown flag: --bogus"},
		{[]string{"run", "--listen", "nowhere"}, "--listen: listen \"nowhere\""},
		{[]string{"run", "--drain-timeout", "soon"}, "drain-timeout"},
		{[]string{"mtu", "set", "--province", "44", "900"}, "mtu 900: under 1248"},
		{[]string{"mtu", "set", "--province", "44", "big"}, "mtu \"big\""},
		{[]string{"mtu", "set", "--province", "Atlantis", "1400"}, "unknown province \"Atlantis\""},
		{[]string{"mtu", "set", "--province", "44", "--isp", "AOL", "1400"}, "unknown isp \"AOL\""},
		{[]string{"mtu", "set", "1400"}, "province"},
		{[]string{"mtu", "get", "--province", "any"}, "name one province"},
		{[]string{"prefix"}, "name what to do: import, stat, lookup or diff"},
		{[]string{"prefix", "export"}, "unknown command"},
		{[]string{"prefix", "import"}, "accepts 1 arg"},
		{[]string{"prefix", "import", demo, "--format", "xdb"}, "format \"xdb\": use auto, csv, mmdb or ip2region"},
		{[]string{"prefix", "import", demo, "--on-conflict", "guess"}, "use error, first, last or other"},
		{[]string{"prefix", "import", demo, "-o", "xml"}, "use table or json"},
		{[]string{"prefix", "import", demo, "--isp-db", demo}, "--isp-db gives the ISPs of an MMDB: the file is none"},
		{[]string{"prefix", "diff", demo, demo, "--isp-db", demo}, "the file is none"},
		{[]string{"prefix", "lookup", demo}, "requires at least 2 arg"},
		{[]string{"prefix", "lookup", demo, "198.51.100"}, "write an IPv4 or IPv6 address"},
		{[]string{"prefix", "diff", demo}, "accepts 2 arg"},
		{[]string{"prefix", "diff", demo, demo, "--limit", "-1"}, "limit -1: use 0 or more"},
		{[]string{"process", "in.mp4"}, "accepts 2 arg"},
		{[]string{"process", "in.mp4", "out.mp4", "-o", "yaml"}, "use table or json"},
		{[]string{"process", "in.mp4", "out.mp4", "--pipeline", "nope"}, "unknown pipeline \"nope\""},
		{[]string{"process", "in.mp4", "out.mp4", "--format", "avi"}, "format \"avi\": must be one of fmp4, mp4, ts"},
		{[]string{"process", "in.mp4", "out.mp4", "--codec", "vp8"}, "codec \"vp8\": must be one of h264, h265"},
		{[]string{"process", "in.mp4", "out.mp4", "--preview", "out.jpg"}, "ends with .png"},
		{[]string{"process", "in.mp4", "x/../out.png", "--preview", "out.png"}, "name another file"},
	} {
		code, out, errs := newCLI(t).run(tt.args...)
		if code != exitUsage || !strings.Contains(errs, tt.want) || out != "" {
			t.Errorf("%v: exit %d, %q %q; want 2 and %q", tt.args, code, out, errs, tt.want)
		}
	}
}

func TestWrongFilesNameThemselves(t *testing.T) {
	c := newCLI(t)
	head := "province_id,isp,mtu,condition\n"
	small := c.write("small.csv", head+"44,CUCC,900,always\ndefault,any,1500,always\n")
	province := c.write("province.csv", "prefix,province_id,isp\n10.0.0.0/8,99,CUCC\n")
	settings := c.write("wrong.yaml", "region: a\nlisen: x\n")
	text := c.write("text.pem", "no certificate\n")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"check", "--table", small}, exitFailed, small + ":2:9: mtu 900: under 1248"},
		{[]string{"check", "--table", "missing.csv"}, exitFailed, "missing.csv"},
		{[]string{"check", "--prefixes", province}, exitFailed, province + ":2:12: unknown province \"99\""},
		{[]string{"check", "--config", settings}, exitUsage, settings + ":2:1: "},
		{[]string{"check", "--config", "missing.yaml"}, exitFailed, "missing.yaml"},
		{[]string{"check", "--cert", text}, exitUsage, "belong together"},
		{[]string{"check", "--cert", text, "--key", text}, exitFailed, text},
		{[]string{"check", "--root", small}, exitFailed, "not a folder"},
		{[]string{"load", "--iface", "lo", "--table", small}, exitFailed, "mtu 900"},
		{[]string{"run", "--table", small}, exitFailed, "mtu 900"},
		{[]string{"stats"}, exitFailed, "load"},
		{[]string{"unload", "--iface", "lo"}, exitFailed, "lo"},
		{[]string{"lookup", "::1"}, exitFailed, "quicedge load"},
		{[]string{"process", "missing.mp4", filepath.Join(c.dir, "o.mp4")}, exitFailed, "missing.mp4"},
		{[]string{"process", c.dir, filepath.Join(c.dir, "o.mp4")}, exitFailed, "folder"},
		{[]string{"process", small, c.dir}, exitFailed, "not a regular file"},
	} {
		code, _, errs := c.run(tt.args...)
		if code != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: exit %d, %q; want %d and %q", tt.args, code, errs, tt.code, tt.want)
		}
	}
}

func TestCheckAcceptsTheDefaultsAndEnvironment(t *testing.T) {
	c := newCLI(t)
	code, out, errs := c.run("check", "--prefixes", demo, "-o", "json")
	got := decode[struct {
		OK       bool `json:"ok"`
		Rows     int  `json:"mtu_rows"`
		Prefixes int
	}](t, out)
	if code != exitOK || !got.OK || got.Rows != 6 || got.Prefixes != 8 {
		t.Errorf("exit %d: %s %s", code, out, errs)
	}
	c.environ["QUICEDGE_LOG_LEVEL"] = "loud"
	if code, _, errs := c.run("check"); code != exitUsage || !strings.Contains(errs, "QUICEDGE_LOG_LEVEL: ") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestDamagedOverridesAreNotThrownAway(t *testing.T) {
	c := newCLI(t)
	if err := os.Mkdir(filepath.Join(c.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := c.write("state/overrides.csv", "province_id,isp,mtu,condition\n44,CU")
	for _, args := range [][]string{{"mtu", "set", "--province", "44", "1400"}, {"mtu", "list"}, {"check"}} {
		if code, _, errs := c.run(args...); code != exitFailed || !strings.Contains(errs, path+":2:1: 2 fields, want 4") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
	if text, err := os.ReadFile(path); err != nil || !strings.HasSuffix(string(text), "44,CU") {
		t.Errorf("the file now holds %q, %v", text, err)
	}
}

func TestEveryCommandThatPrintsDataSpeaksJSON(t *testing.T) {
	for _, cmd := range (&app{}).root().Commands() {
		switch cmd.Name() {
		case "run", "agent", "mtu", "prefix", "models", "pipelines", "keys", "completion", "help":
			continue // run, agent and keys print no data; the commands of mtu, prefix, models and pipelines are below them
		}
		if f := cmd.Flags().Lookup("output"); f == nil || f.Shorthand != "o" {
			t.Errorf("%s has no -o", cmd.Name())
		}
	}
}
