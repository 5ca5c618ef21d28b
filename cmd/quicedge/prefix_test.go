package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quicedge/internal/prefix/importer/mmdbtest"
)

const prefixHead = "prefix,province_id,isp\n"

// database is an MMDB with Guangdong, with Guangxi, and with a network elsewhere.
func database(c *cli) string {
	city := func(country, code string) map[string]any {
		return map[string]any{"country": map[string]any{"iso_code": country}, "subdivisions": []any{map[string]any{"iso_code": code}}}
	}
	w := (&mmdbtest.Writer{Type: "GeoLite2-City", Alias: true}).
		Insert("198.51.100.0/25", city("CN", "GD")).Insert("198.51.100.128/25", city("CN", "GD")).
		Insert("203.0.113.0/24", city("US", "CA")).Insert("2001:db8::/32", city("CN", "GX"))
	return c.write("city.mmdb", string(w.Bytes()))
}

func TestImportsOfEveryFormatCanBeLoaded(t *testing.T) {
	c := newCLI(t)
	isps := c.write("asn.mmdb", string((&mmdbtest.Writer{Type: "GeoLite2-ASN"}).Insert("198.51.100.0/24", map[string]any{"autonomous_system_number": uint32(4134)}).Bytes()))
	for name, tt := range map[string]struct {
		args                   []string
		rows, kept, foreign    float64
		format, table, address string
	}{
		"mmdb": {[]string{database(c), "--isp-db", isps}, 4, 3, 1, "mmdb", "198.51.100.0/24,44,CTCC\n2001:db8::/32,45,OTHER\n", "198.51.100.200"},
		"ip2region": {
			[]string{c.write("ip.merge.txt", "198.51.100.0|198.51.100.255|中国|0|广东省|深圳市|电信\n203.0.113.0|203.0.113.255|美国|0|0|0|0\n")},
			2, 1, 1, "ip2region", "198.51.100.0/24,44,CTCC\n", "198.51.100.7",
		},
		"csv": {
			[]string{c.write("own.csv", "\xef\xbb\xbf"+prefixHead+"203.0.113.0/24,黑龙江,OTHER\r\n198.51.100.128/25,44,ctcc\r\n198.51.100.0/25,Guangdong,CTCC")},
			3, 3, 0, "csv", "198.51.100.0/24,44,CTCC\n203.0.113.0/24,23,OTHER\n", "198.51.100.7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(c.dir, name+".out.csv")
			code, report, errs := c.run(append([]string{"prefix", "import", "--out", out, "-o", "json"}, tt.args...)...)
			got := decode[map[string]any](t, report)
			if code != exitOK || errs != "" || got["format"] != tt.format || got["rows"] != tt.rows || got["kept"] != tt.kept || got["out"] != out ||
				got["left_out"].(map[string]any)["foreign"] != tt.foreign || got["prefixes"] != float64(strings.Count(tt.table, "\n")) {
				t.Errorf("exit %d, %s %v", code, errs, got)
			}
			if text, err := os.ReadFile(out); err != nil || string(text) != prefixHead+tt.table {
				t.Errorf("wrote %q, %v", text, err)
			}
			// The same on standard output, with the report beside it.
			code, text, errs := c.run(append([]string{"prefix", "import"}, tt.args...)...)
			if code != exitOK || text != prefixHead+tt.table || !strings.Contains(errs, fmt.Sprintf("(%s): %v rows, %v kept", tt.format, tt.rows, tt.kept)) {
				t.Errorf("exit %d: %q %q", code, text, errs)
			}
			code, text, errs = c.run("lookup", tt.address, "--prefixes", out, "-o", "json")
			if got := decode[map[string]any](t, text); code != exitOK || got["province_id"] != 44.0 || got["isp"] != "CTCC" {
				t.Errorf("exit %d: %s %s", code, text, errs)
			}
			// What was imported answers as what it was imported from.
			code, text, errs = c.run(append([]string{"prefix", "diff", out, "-o", "json"}, tt.args...)...)
			if got := decode[map[string]any](t, text); got["ipv4_addresses_moved"] != 0.0 || got["ipv6_48s_moved"] != 0.0 {
				t.Errorf("exit %d: %s %s", code, text, errs)
			}
		})
	}
}

func TestTheExamplesSayTheSame(t *testing.T) {
	if code, out, errs := newCLI(t).run("prefix", "diff", demo, "../../examples/demo_ip2region.txt"); code != exitOK {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestPrefixLookupAnswersByFile(t *testing.T) {
	c := newCLI(t)
	code, out, errs := c.run("prefix", "lookup", database(c), "198.51.100.129", "8.8.8.8", "::ffff:198.51.100.1", "-o", "json")
	got := decode[struct {
		Answers []struct {
			Address, Prefix, Province, ISP string
			ProvinceID                     int `json:"province_id"`
			Class                          int
		}
	}](t, out).Answers
	if code != exitOK || len(got) != 3 || got[0].Prefix != "198.51.100.128/25" || got[0].ProvinceID != 44 || got[0].Class != 352 || got[1].Prefix != "" || got[1].Class != 0 || got[2].Prefix != "198.51.100.0/25" {
		t.Errorf("exit %d: %+v %s", code, got, errs)
	}
	if code, out, _ := c.run("prefix", "lookup", demo, "198.51.100.7"); code != exitOK || !strings.Contains(out, "198.51.100.0/24  23 Heilongjiang 黑龙江  CMCC") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestPrefixStatCountsByFamilyProvinceAndISP(t *testing.T) {
	c := newCLI(t)
	file := c.write("p.csv", prefixHead+"10.0.0.0/8,44,CUCC\n10.1.0.0/16,23,CUCC\n2001:db8::/32,44,CMCC\n")
	code, out, errs := c.run("prefix", "stat", file, "-o", "json")
	type count struct {
		ProvinceID *int `json:"province_id"`
		ISP        string
		Prefixes   int
		IPv4       int     `json:"ipv4_addresses"`
		IPv6       float64 `json:"ipv6_48s"`
	}
	type family struct {
		Prefixes, Nested, Depth int
		Lengths                 map[string]int
		Kernel                  int `json:"kernel_bytes"`
	}
	got := decode[struct {
		Prefixes                 int
		IPv4, IPv6               family
		Provinces, ISPs, Classes []count
	}](t, out)
	if code != exitOK || got.Prefixes != 3 || got.IPv4.Prefixes != 2 || got.IPv4.Nested != 1 || got.IPv4.Depth != 2 || got.IPv4.Lengths["16"] != 1 || got.IPv6.Lengths["32"] != 1 || got.IPv4.Kernel == 0 || got.IPv6.Kernel == 0 {
		t.Errorf("exit %d: %s %s", code, out, errs)
	}
	if p := got.Provinces; len(p) != 2 || *p[0].ProvinceID != 23 || p[0].IPv4 != 1<<16 || *p[1].ProvinceID != 44 || p[1].IPv4 != 1<<24-1<<16 || p[1].IPv6 != 1<<16 || p[1].ISP != "" {
		t.Errorf("provinces %+v", p)
	}
	if i := got.ISPs; len(i) != 2 || i[0].ISP != "CMCC" || i[1].IPv4 != 1<<24 || i[1].ProvinceID != nil || len(got.Classes) != 3 {
		t.Errorf("isps %+v, classes %+v", i, got.Classes)
	}
	code, out, _ = c.run("prefix", "stat", file)
	for _, want := range []string{"3 prefixes cover 16777216 IPv4 addresses and 65536 /48s of IPv6", "IN THE KERNEL", "/8:1 /16:1", "44 Guangdong 广东", "CUCC  2"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d: no %q in %s", code, want, out)
		}
	}
}

func TestPrefixDiffIsExitCode1WhereTablesDiffer(t *testing.T) {
	c := newCLI(t)
	old := c.write("old.csv", prefixHead+"10.0.0.0/24,44,CUCC\n10.0.1.0/24,44,CUCC\n10.0.2.0/24,44,CUCC\n")
	now := c.write("new.csv", prefixHead+"10.0.0.0/24,44,CUCC\n10.0.2.0/24,44,CMCC\n10.0.3.0/24,44,CUCC\n")
	code, out, errs := c.run("prefix", "diff", old, now)
	want := "- 10.0.1.0/24  44/CUCC\n~ 10.0.2.0/24  44/CUCC -> 44/CMCC\n+ 10.0.3.0/24  44/CUCC\n1 added, 1 removed, 1 changed; 768 IPv4 addresses and 0 /48s of IPv6 change class\n"
	if code != exitFailed || out != want || errs != fmt.Sprintf("quicedge: %s and %s differ\n", old, now) {
		t.Errorf("exit %d: %q %q", code, out, errs)
	}
	if code, out, _ := c.run("prefix", "diff", old, now, "--limit", "1"); code != exitFailed || !strings.Contains(out, "and 2 more (--limit 0 lists all)") || strings.Contains(out, "10.0.2.0") {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, out, errs := c.run("prefix", "diff", old, old); code != exitOK || !strings.HasPrefix(out, "0 added") || errs != "" {
		t.Errorf("exit %d: %s %s", code, out, errs)
	}
	code, out, _ = c.run("prefix", "diff", now, old, "-o", "json", "--limit", "0")
	got := decode[struct {
		Added, Removed, Changed int
		Changes                 []prefixChange
	}](t, out)
	if code != exitFailed || got.Added != 1 || !slices.Equal(got.Changes, []prefixChange{
		{"10.0.1.0/24", "added", "", "44/CUCC"}, {"10.0.2.0/24", "changed", "44/CMCC", "44/CUCC"}, {"10.0.3.0/24", "removed", "44/CUCC", ""},
	}) {
		t.Errorf("exit %d: %+v", code, got)
	}
}

// TestWhatCannotBeImportedChangesNothing gives every command that reads prefixes every kind of bad file.
func TestWhatCannotBeImportedChangesNothing(t *testing.T) {
	c := newCLI(t)
	whole, err := os.ReadFile(database(c))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(c.dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	const good = "10.0.0.0/8,44,CUCC\n"
	rows := func(n int) string {
		var b strings.Builder
		b.WriteString(prefixHead)
		for i := range n {
			fmt.Fprintf(&b, "%d.%d.%d.0/24,44,CUCC\n", i>>16+1, i>>8&255, i&255)
		}
		return b.String()
	}
	for _, tt := range []struct{ name, want string }{
		{c.write("conflict.csv", prefixHead+good+"10.0.0.0/8,44,CMCC\n"), "conflict.csv:3:1: prefix 10.0.0.0/8: 44/CMCC here, 44/CUCC on line 2; remove one, or settle it with --on-conflict"},
		{c.write("mask.csv", prefixHead+"10.0.0.0/33,44,CUCC\n"), "mask.csv:2:1: prefix \"10.0.0.0/33\""},
		{c.write("hostbits.csv", prefixHead+"10.0.0.1/8,44,CUCC\n"), "hostbits.csv:2:1: prefix \"10.0.0.1/8\": has bits set behind its length: did you mean 10.0.0.0/8?"},
		{c.write("province.csv", prefixHead+"10.0.0.0/8,99,CUCC\n"), "province.csv:2:12: unknown province \"99\""},
		{c.write("long.csv", rows(1_000_001)), "long.csv:1000002:1: more than 1000000 rows"},
		{c.write("cut.mmdb", string(whole[:len(whole)-200])), "cut.mmdb as an MMDB"},
		{c.write("cut", string(whole[:len(whole)/2])), "cut is neither text nor a whole MMDB: was the download cut off"},
		{c.write("gbk.csv", prefixHead+"10.0.0.0/8,\xb9\xe3\xb6\xab,CUCC\n"), "gbk.csv:2:12: not UTF-8 text: convert the file (iconv -f GBK -t UTF-8)"},
		{c.write("gbk.txt", "1.0.1.0|1.0.1.255|\xd6\xd0\xb9\xfa|0|\xb9\xe3\xb6\xab\xca\xa1|0|0\n"), "gbk.txt:1:19: not UTF-8 text but GBK, it seems, or cut off: convert the file (iconv -f GBK -t UTF-8)"},
		{c.write("overlap.txt", "1.0.1.0|1.0.1.255|中国|0|广东省|0|0\n1.0.1.128|1.0.2.0|中国|0|广东省|0|0\n"), "overlap.txt:2:1: 1.0.1.128 to 1.0.2.0: overlaps 1.0.1.0 to 1.0.1.255 on line 1"},
		{c.write("empty.csv", ""), "empty.csv:1:1: empty file"},
		{folder, "is a folder"},
		{filepath.Join(c.dir, "missing.csv"), "missing.csv: no such file"},
		{c.write("middle.csv", prefixHead+good+"11.0.0.0/8,4"), "middle.csv:3:1: 2 fields, want 3"},
		{c.write("middle.txt", "1.0.1.0|1.0.1.255|中国|0|广东省|0|0\n1.0.2.0|1.0.2.255|中国|0|广"), "middle.txt:2:1: 5 fields"},
		{c.write("nul.csv", prefixHead+good+"11.0.0.0/8,44\x00,CUCC\n"), "nul.csv:3:12: unknown province \"44\\x00\""},
		{c.write("nul.txt", "1.0.1.0|1.0.1.255|中国|\x00|广东省|0|0\n"), "neither text"},
		{c.write("utf16.csv", "\xff\xfep\x00"), "utf16.csv:1:1: UTF-16 text"},
		{c.write("packed.gz", "\x1f\x8b\x08"), "packed.gz is compressed: unpack it first"},
		{c.write("other.txt", "some notes\n"), "other.txt:1:1: header \"some notes\": must be"},
	} {
		out := c.write("out.csv", "what was there\n")
		for _, args := range [][]string{
			{"prefix", "import", tt.name, "--out", out}, {"prefix", "import", tt.name}, {"prefix", "stat", tt.name}, {"prefix", "lookup", tt.name, "::1"}, {"prefix", "diff", demo, tt.name},
		} {
			want := exitFailed
			if args[1] == "diff" {
				want = exitUsage // 1 is that they differ
			}
			code, text, errs := c.run(args...)
			if code != want || text != "" || !strings.Contains(errs, tt.want) {
				t.Errorf("%v: exit %d, %q %q; want %q", args[:2], code, text, errs, tt.want)
			}
		}
		if text, err := os.ReadFile(out); err != nil || string(text) != "what was there\n" {
			t.Fatalf("%s: the file now holds %q, %v", tt.name, text, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(c.dir, "*.new")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestAnImportOfNothingReplacesNoTable(t *testing.T) {
	c := newCLI(t)
	record := func(fields map[string]any) string {
		return string((&mmdbtest.Writer{}).Insert("203.0.113.0/24", fields).Bytes())
	}
	for name, want := range map[string]string{
		c.write("foreign.mmdb", record(map[string]any{"country": "US"})):                       "foreign.mmdb: no prefixes for a table in 1 rows: all that it names lie outside China; --all keeps them",
		c.write("asn.mmdb", record(map[string]any{"autonomous_system_number": uint32(64512)})): "asn.mmdb: no prefixes for a table in 1 rows: none has a country, or an ISP that is known",
		c.write("foreign.txt", "203.0.113.0|203.0.113.255|美国|0|0|0|0\n"):                       "lie outside China",
		c.write("head.csv", prefixHead):                                                        "head.csv: no prefixes for a table in 0 rows: is this the right file?",
	} {
		out := c.write("out.csv", "what was there\n")
		if code, text, errs := c.run("prefix", "import", name, "--out", out); code != exitFailed || text != "" || !strings.Contains(errs, want) {
			t.Errorf("exit %d, %q %q; want %q", code, text, errs, want)
		}
		if text, err := os.ReadFile(out); err != nil || string(text) != "what was there\n" {
			t.Errorf("%s: the file now holds %q, %v", name, text, err)
		}
	}
}

func TestImportsThatCannotBeWrittenSaySo(t *testing.T) {
	c := newCLI(t)
	for out, want := range map[string]string{
		c.dir: "is not a regular file: name one with --out", "/dev/null": "is not a regular file", filepath.Join(c.dir, "no", "such.csv"): "no such file or directory",
	} {
		if code, _, errs := c.run("prefix", "import", demo, "--out", out); code != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("--out %s: exit %d, %q; want %q", out, code, errs, want)
		}
	}
}

func TestTablesOfOthersAreToBeImportedFirst(t *testing.T) {
	c := newCLI(t)
	for name, format := range map[string]string{
		database(c): "mmdb", c.write("ip.txt", "1.0.1.0|1.0.1.255|中国|0|广东省|0|0\n"): "ip2region",
	} {
		want := fmt.Sprintf("prefixes %[1]s: %[2]s, not a prefix table: make one of it with quicedge prefix import %[1]s --out prefixes.csv", name, format)
		for _, args := range [][]string{{"check"}, {"lookup", "::1"}, {"load", "--iface", "lo"}} {
			if code, _, errs := c.run(append(args, "--prefixes", name)...); code != exitFailed || !strings.Contains(errs, want) {
				t.Errorf("%v: exit %d, %q; want %q", args, code, errs, want)
			}
		}
	}
}
