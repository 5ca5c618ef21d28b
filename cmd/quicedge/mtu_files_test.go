package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

func TestOverridesGoOutAndIn(t *testing.T) {
	c := newCLI(t)
	rows := c.write("rows.csv", "province_id,isp,mtu,condition\n44,CUCC,1400,always\n53,any,1350,\n")
	code, out, errs := c.run("mtu", "import", rows, "-o", "json")
	var got mtuImport
	if code != exitOK || json.Unmarshal([]byte(out), &got) != nil || got.Rows != 2 || got.Applied != appliedSaved {
		t.Fatalf("exit %d, %s %s", code, out, errs)
	}
	if code, _, errs := c.run("mtu", "set", "--province", "62", "1300"); code != exitOK {
		t.Fatal(errs)
	}
	file := filepath.Join(c.dir, "out.csv")
	if code, _, errs := c.run("mtu", "export", "--out", file); code != exitOK {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(file)
	want := "province_id,isp,mtu,condition\n44,CUCC,1400,always\n53,any,1350,always\n62,any,1300,always\n"
	if err != nil || string(text) != want {
		t.Errorf("exported %q, %v", text, err)
	}
	if code, _, errs := c.run("mtu", "import", c.write("one.csv", "province_id,isp,mtu,condition\n44,CUCC,1390,always\n")); code != exitOK {
		t.Fatal(errs)
	}
	if _, out, _ := c.run("mtu", "export"); out != strings.Replace(want, "1400", "1390", 1) {
		t.Errorf("after one more: %s", out)
	}
	if code, _, errs := c.run("mtu", "import", "--replace", rows); code != exitOK {
		t.Fatal(errs)
	}
	if _, out, _ := c.run("mtu", "export"); strings.Contains(out, "1300") || !strings.Contains(out, "1400") {
		t.Errorf("after --replace: %s", out)
	}
}

func TestAnImportWithAWrongRowChangesNothing(t *testing.T) {
	c := newCLI(t)
	if code, _, errs := c.run("mtu", "set", "--province", "62", "1300"); code != exitOK {
		t.Fatal(errs)
	}
	for text, want := range map[string]string{
		"province_id,isp,mtu,condition\n44,CUCC,1400,always\n99,any,1350,always\n": ":3:1: ",
		"province_id,isp,mtu,condition\n44,CUCC,1400,rtt_ms > 80\n":                "put the row into the table instead",
		"province_id,isp,mtu,condition\ndefault,any,1400,always\n":                 "a default row in the overrides",
		"":    ":1:1: empty file",
		"44,": ":1:1: ",
	} {
		name := c.write("bad.csv", text)
		if code, _, errs := c.run("mtu", "import", "--replace", name); code != exitFailed || !strings.Contains(errs, want) || !strings.Contains(errs, name) {
			t.Errorf("%q: exit %d, %s", text, code, errs)
		}
	}
	if code, _, _ := c.run("mtu", "import", filepath.Join(c.dir, "none.csv")); code != exitFailed {
		t.Errorf("a file that is not there: exit %d", code)
	}
	if _, out, _ := c.run("mtu", "export"); !strings.Contains(out, "62,any,1300,always") || strings.Contains(out, "1400") {
		t.Errorf("now %s", out)
	}
}

// learn puts what a node has learned into the state folder.
func (c *cli) learn(id class.ID, size uint16) {
	c.t.Helper()
	l := mtu.NewLearner(mtu.LearnConfig{})
	now := time.Now()
	for i := range 6 {
		client := netip.AddrFrom4([4]byte{10, 23, byte(i), 1})
		l.Add(mtu.Evidence{Class: id, Net: mtu.NetworkOf(client), Kind: mtu.Discovered, MTU: size, At: now})
	}
	l.Class(id, 1372, now)
	if err := os.MkdirAll(filepath.Join(c.dir, "state"), 0o700); err != nil {
		c.t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(c.dir, "state", "learned.csv"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	if err := l.Save(f); err != nil {
		c.t.Fatal(err)
	}
}

func TestWhatWasLearnedIsShownAndPromoted(t *testing.T) {
	c := newCLI(t)
	c.learn(class.Of(23, class.CMCC), 1300)
	code, out, errs := c.run("mtu", "learned", "-o", "json")
	var got learnedAnswer
	if code != exitOK || json.Unmarshal([]byte(out), &got) != nil || got.Live || len(got.Classes) != 1 {
		t.Fatalf("exit %d, %s %s", code, out, errs)
	}
	if l := got.Classes[0]; l.ProvinceID != 23 || l.ISP != "CMCC" || l.MTU != 1300 || l.Networks != 6 || l.RaiseAt == nil {
		t.Errorf("learned %+v", l)
	}
	if _, out, _ := c.run("mtu", "learned"); !strings.Contains(out, "lowered") || !strings.Contains(out, "黑龙江") {
		t.Errorf("table:\n%s", out)
	}
	code, out, errs = c.run("mtu", "promote")
	if code != exitOK || !strings.Contains(out, "\n23,CMCC,1300,always\n") || !strings.Contains(out, "\n23,any,1372,always\n") || !strings.Contains(errs, "learned: 1\n") {
		t.Errorf("exit %d, %s %s", code, out, errs)
	}
	if code, out, errs := c.run("check", "--table", c.write("promoted.csv", out)); code != exitOK {
		t.Errorf("what was promoted is no table: %s %s", out, errs)
	}
}

func TestWithoutALoopTheLoadedTablesAreExplained(t *testing.T) {
	l := newLive(t)
	if code, _, errs := l.run("mtu", "explain", "127.0.0.1"); code != exitFailed || !strings.Contains(errs, "quicedge run") {
		t.Errorf("nothing is loaded: exit %d, %s", code, errs)
	}
	l.load()
	l.mustRun("mtu", "set", "--province", "23", "1360")
	l.learn(class.Of(23, class.Other), 1300)
	var got path.Explained
	if err := json.Unmarshal([]byte(l.mustRun("mtu", "explain", "127.0.0.1", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Live || got.MTU != 1360 || got.ProvinceID != 23 || len(got.Candidates) < 7 {
		t.Fatalf("got %+v", got)
	}
	first := got.Candidates[0]
	if !first.Wins || first.Source != "override" || first.MTU != 1360 || first.Reason == "" {
		t.Errorf("first %+v", first)
	}
	for _, c := range got.Candidates[1:] {
		if c.Wins || c.Reason == "" {
			t.Errorf("lost %+v", c)
		}
		if c.Source == "learned" && (c.ProvinceID != "23" || c.ISP != "OTHER" || c.MTU != 1300) {
			t.Errorf("learned of another class: %+v", c)
		}
	}
	if text := l.mustRun("mtu", "explain", "127.0.0.1"); !strings.Contains(text, "nothing is measured") || !strings.Contains(text, "a stronger layer") || !strings.Contains(text, "learned") {
		t.Errorf("text:\n%s", text)
	}
	if code, _, _ := l.run("mtu", "explain", "nowhere"); code != exitUsage {
		t.Errorf("no address: exit %d", code)
	}
}

func TestWhatAKilledNodeHasLearnedOutlivesAnOverrideOfOthers(t *testing.T) {
	l := newLive(t)
	l.load()
	id := class.Of(23, class.Other)
	l.learn(id, 1300)
	explained := func() (e path.Explained) {
		if err := json.Unmarshal([]byte(l.mustRun("mtu", "explain", "127.0.0.1", "-o", "json")), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	wins := func(e path.Explained) path.CandidateAnswer {
		return e.Candidates[slices.IndexFunc(e.Candidates, func(c path.CandidateAnswer) bool { return c.Wins })]
	}
	if e := explained(); e.MTU != 1372 || wins(e).Source != "csv" {
		t.Errorf("a load has learned: %+v, by %+v", e.Answer, wins(e))
	}
	plane, err := dataplane.Open(l.pins)
	if err != nil {
		t.Fatal(err)
	}
	defer plane.Close()
	if err := plane.Update(id, path.NewProfile(mtu.Effective{MTU: 1300, Source: mtu.SourceLearned})); err != nil {
		t.Fatal(err)
	}
	l.mustRun("mtu", "set", "--province", "44", "1400")
	if e := explained(); e.MTU != 1300 || e.Source != "learned" || wins(e).Source != "learned" {
		t.Errorf("%+v, by %+v", e.Answer, wins(e))
	}
	l.mustRun("mtu", "set", "--province", "23", "1400")
	if e := explained(); e.MTU != 1400 || wins(e).Source != "override" {
		t.Errorf("overridden: %+v, by %+v", e.Answer, wins(e))
	}
}
