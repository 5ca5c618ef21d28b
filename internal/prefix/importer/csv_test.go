package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quicedge/internal/class"
)

const head = "prefix,province_id,isp\n"

func TestConflictsAreSettledAsAsked(t *testing.T) {
	const in = head + "10.0.0.0/8,44,CUCC\n2001:67c:1233::/48,0,CMCC\n2001:67c:1233::/48,0,CUCC\n10.0.0.0/8,44,CUCC\n10.0.0.0/8,23,CUCC\n10.0.0.0/8,44,CUCC\n"
	for _, tt := range []struct {
		on   Conflict
		want string
	}{
		{First, "10.0.0.0/8 44/CUCC, 2001:67c:1233::/48 00/CMCC"},
		{Last, "10.0.0.0/8 44/CUCC, 2001:67c:1233::/48 00/CUCC"},
		{ToOther, "10.0.0.0/8 00/CUCC, 2001:67c:1233::/48 00/OTHER"},
	} {
		table, report, err := Read(save(t, "p.csv", []byte(in)), Options{OnConflict: tt.on})
		if err != nil {
			t.Fatal(err)
		}
		if list(table) != tt.want || report.Rows != 6 || report.Kept+report.Duplicates+report.Conflicts != 6 || report.Prefixes != 2 || report.Conflicts < 2 {
			t.Errorf("%s: %s, %+v", tt.on, list(table), report)
		}
	}
	path := save(t, "p.csv", []byte(in))
	_, _, err := Read(path, Options{})
	want := fmt.Sprintf("%[1]s:4:1: prefix 2001:67c:1233::/48: 00/CUCC here, 00/CMCC on line 3; remove one, or settle it with --on-conflict first, last or other\n"+
		"%[1]s:6:1: prefix 10.0.0.0/8: 23/CUCC here, 44/CUCC on line 2; remove one, or settle it with --on-conflict first, last or other", path)
	if fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestRepeatedRowsAreCounted(t *testing.T) {
	table, report, err := Read(save(t, "p.csv", []byte(head+"10.0.0.0/8,44,CUCC\n10.0.0.0/8,Guangdong,cucc\n11.0.0.0/8,44,CUCC\n")), Options{Aggregate: true})
	if err != nil || list(table) != "10.0.0.0/7 44/CUCC" || report.Duplicates != 1 || report.Kept != 2 || report.Aggregated != 1 {
		t.Errorf("%v, %+v, %v", table, report, err)
	}
}

func TestTenConflictsAreListed(t *testing.T) {
	var in strings.Builder
	in.WriteString(head)
	for i := range 100 {
		fmt.Fprintf(&in, "10.0.%d.0/24,44,CUCC\n10.0.%d.0/24,44,CMCC\n", i, i)
	}
	_, _, err := Read(save(t, "p.csv", []byte(in.String())), Options{})
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 11 || !strings.Contains(lines[0], "p.csv:3:1") || !strings.Contains(lines[9], "p.csv:21:1") {
		t.Errorf("%v", err)
	}
}

func TestBothTakesWhatTwoClassesShare(t *testing.T) {
	a, b := class.Of(44, class.CUCC), class.Of(23, class.CMCC)
	if got := both(a, b); got != 0 {
		t.Errorf("%s and %s share %s", a, b, got)
	}
	if got := both(a, class.Of(44, class.CMCC)); got != class.Of(44, class.Other) {
		t.Errorf("got %s", got)
	}
}

func TestFilesAreToldByWhatTheyHold(t *testing.T) {
	for in, want := range map[string]string{
		head: "csv", "# note\n\n" + head: "csv", "\xef\xbb\xbf" + head: "csv", "nonsense": "csv",
		"1.0.1.0|1.0.3.255|中国|0|福建省|福州市|电信\n":                        "ip2region",
		"# note\r\n1.0.1.0|1.0.3.255|\xd6\xd0\xb9\xfa|0|0|0|0\r\n":   "ip2region",
		strings.Repeat("\x00", 5000) + "\xab\xcd\xefMaxMind.com\xe0": "mmdb",
		"":                     "empty file",
		"\x1f\x8b\x08\x00\x00": "compressed: unpack it first",
		"PK\x03\x04":           "compressed",
		"\xff\xfep\x00r\x00":   "UTF-16",
		"\x00\x01\x02\x03":     "neither text nor a whole MMDB",
	} {
		path := save(t, "file", []byte(in))
		format, err := Detect(path)
		got := format.String()
		if err != nil {
			got = err.Error()
			if !strings.Contains(got, path) {
				t.Errorf("%.20q: %s does not name the file", in, got)
			}
		}
		if !strings.Contains(got, want) {
			t.Errorf("%.20q: %s, want %s", in, got, want)
		}
	}
	if format, err := Detect(save(t, "Cut.MMDB", []byte("\x00\x01"))); format != MMDB || err != nil {
		t.Errorf("an MMDB by its name: %s, %v", format, err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{dir: "is a folder: name a file in it", filepath.Join(dir, "missing.csv"): "missing.csv: no such file"} {
		for _, format := range []Format{Auto, CSV, MMDB, IP2Region} {
			if _, _, err := Read(name, Options{Format: format}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s as %s: %v, want %q", name, format, err, want)
			}
		}
	}
}

func TestPipesAreRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString(head + "10.0.0.0/8,44,CUCC\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	table, _, err := Read(fmt.Sprintf("/dev/fd/%d", r.Fd()), Options{})
	if err != nil || list(table) != "10.0.0.0/8 44/CUCC" {
		t.Errorf("%v, %v", table, err)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(head+"10.0.0.0/8,44,CUCC\n10.0.0.0/8,44,CMCC\n", 3)
	f.Add("\xef\xbb\xbf"+head+"2001:db8::/33,0,OTHER\r\n2001:db8:8000::/33,0,OTHER\r\n2001:db8::/32,1", 0)
	f.Fuzz(func(t *testing.T, in string, on int) {
		report := Report{}
		entries, err := readCSV(strings.NewReader(in), "f", Conflict(on&3), &report)
		if err != nil {
			return
		}
		if report.Kept+report.Duplicates+report.Conflicts != report.Rows || len(entries) != report.Kept {
			t.Fatalf("%d entries, %+v", len(entries), report)
		}
	})
}
