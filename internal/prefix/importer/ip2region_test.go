package importer

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"quicedge/internal/prefix"
)

func TestIP2RegionLayouts(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		opt      Options
		want     string
		report   Report
	}{
		{
			"seven fields",
			"0.0.0.0|0.255.255.255|0|0|0|内网IP|内网IP\n1.0.0.0|1.0.0.255|澳大利亚|0|0|0|0\n1.0.1.0|1.0.3.255|中国|0|福建省|福州市|电信\n" +
				"1.0.8.0|1.0.15.255|中国|华南|广东省|广州市|中国移动\n1.0.16.0|1.0.31.255|日本|0|0|0|0\n36.0.0.0|36.0.0.255|中国|0|内蒙古|0|联通\n" +
				"42.0.0.0|42.0.0.255|中国|0|0|0|教育网\n58.0.0.0|58.0.0.255|中国|0|香港|0|电讯盈科\n59.0.0.0|59.0.0.255|中国|0|台湾省|台北|中华电信\n",
			Options{},
			"1.0.1.0/24 35/CTCC, 1.0.2.0/23 35/CTCC, 1.0.8.0/21 44/CMCC, 36.0.0.0/24 15/CUCC, 42.0.0.0/24 00/CERNET, 58.0.0.0/24 81/OTHER, 59.0.0.0/24 71/OTHER",
			Report{Format: IP2Region, Rows: 9, Kept: 6, Foreign: 2, NoCountry: 1, Prefixes: 7},
		},
		{
			"six fields, CRLF, byte order mark, no end of line",
			"\xef\xbb\xbf1.0.1.0|1.0.1.255|中国|福建省|福州市|铁通\r\n# a note\r\n\r\n1.0.2.0|1.0.2.255|中国|广西壮族自治区|0|中国广电",
			Options{},
			"1.0.1.0/24 35/CMCC, 1.0.2.0/24 45/CBN",
			Report{Format: IP2Region, Rows: 2, Kept: 2, Prefixes: 2, Warnings: []string{"the last line has no end"}},
		},
		{
			"with the country's code, both families",
			"1.0.1.0|1.0.1.255|中国|福建省|福州市|电信|CN\n1.0.2.0|1.0.2.0|中国|0|0|0|CN\n2.10.222.0|2.10.223.255|France|Brittany|0|Orange S.A.|FR\n" +
				"223.104.64.128|223.104.64.159|中国|广东省|深圳市|移动|CN\n2001:250::|2001:250:1:ffff:ffff:ffff:ffff:ffff|中国|北京市|北京市|教育网|CN\n" +
				"2001:268::|2001:268:ffff:ffff:ffff:ffff:ffff:ffff|Japan|Tokyo|0|KDDI|JP\n",
			Options{},
			"1.0.1.0/24 35/CTCC, 1.0.2.0/32 00/OTHER, 223.104.64.128/27 44/CMCC, 2001:250::/47 11/CERNET",
			Report{Format: IP2Region, Rows: 6, Kept: 4, Foreign: 2, Prefixes: 4},
		},
		{
			"aggregated", "1.0.0.0|1.0.0.127|中国|0|福建省|福州市|电信\n1.0.0.128|1.0.0.255|中国|0|福建|厦门市|中国电信\n1.0.1.0|1.0.1.255|中国|0|福建省|0|电信/联通\n",
			Options{Aggregate: true},
			"1.0.0.0/24 35/CTCC, 1.0.1.0/24 35/OTHER",
			Report{Format: IP2Region, Rows: 3, Kept: 3, Aggregated: 1, Prefixes: 2},
		},
		{
			"all", "1.0.0.0|1.0.0.255|澳大利亚|0|0|0|0\n1.0.1.0|1.0.1.255|美国|0|0|0|China Telecom\n",
			Options{All: true},
			"1.0.0.0/24 00/OTHER, 1.0.1.0/24 00/CTCC",
			Report{Format: IP2Region, Rows: 2, Kept: 2, Prefixes: 2},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, report, err := Read(save(t, "ip.merge.txt", []byte(tt.in)), tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := list(table); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if len(report.Warnings) != len(tt.report.Warnings) || len(report.Warnings) > 0 && !strings.Contains(report.Warnings[0], tt.report.Warnings[0]) {
				t.Errorf("warnings %q", report.Warnings)
			}
			report.Warnings, tt.report.Warnings = nil, nil
			if fmt.Sprint(report) != fmt.Sprint(tt.report) {
				t.Errorf("report %+v, want %+v", report, tt.report)
			}
		})
	}
}

func TestWrongRowsOfIP2RegionNameTheirPlace(t *testing.T) {
	const good = "1.0.1.0|1.0.1.255|中国|0|福建省|福州市|电信\n"
	for in, want := range map[string]string{
		good + "1.0.2.0|1.0.2.255|中国|0|福":              ":2:1: 5 fields, want start|end|country|region|province|city|isp",
		good + "1.0.2|1.0.2.255|中国|0|福建省|福州市|电信\n":     ":2:1: address \"1.0.2\": write it as",
		good + "1.0.2.0|1.0.2.256|中国|0|福建省|福州市|电信\n":   ":2:9: address \"1.0.2.256\"",
		good + "1.0.2.0|1.0.1.255|中国|0|福建省|福州市|电信\n":   ":2:9: end 1.0.1.255: before the start 1.0.2.0",
		good + "1.0.2.0|2001:db8::|中国|0|福建省|福州市|电信\n":  ":2:9: end 2001:db8::: before the start",
		good + "1.0.1.255|1.0.2.255|中国|0|福建省|福州市|电信\n": ":2:1: 1.0.1.255 to 1.0.2.255: overlaps 1.0.1.0 to 1.0.1.255 on line 1",
		good + good: ":2:1: 1.0.1.0 to 1.0.1.255: overlaps 1.0.1.0 to 1.0.1.255 on line 1",
		good + "1.0.0.0|1.0.0.255|中国|0|福建省|福州市|电信\n":          ":2:1: 1.0.0.0 to 1.0.0.255: comes before line 1: sort the file by address",
		good + "1.0.2.0|1.0.2.255|中国|0|福建洲|福州市|电信\n":          ":2:28: unknown province \"福建洲\"",
		good + "1.0.2.0|1.0.2.255|中国|0|99|福州市|电信\n":           ":2:28: unknown province \"99\"",
		good + "::ffff:1.0.2.0|::ffff:1.0.2.9|中国|0|0|0|0\n":   ":2:1: address \"::ffff:1.0.2.0\": an IPv4 address in IPv6 form",
		good + "fe80::1%lo|fe80::2%lo|中国|0|0|0|0\n":           ":2:1: address \"fe80::1%lo\"",
		good + "1.0.2.0|1.0.2.255|中国|0|\x00福建省|福州市|电信\n":      ":2:28: a control character",
		good + "1.0.2.0|1.0.2.255|\xd6\xd0\xb9\xfa|0|0|0|0\n": ":2:19: not UTF-8 text but GBK, it seems, or cut off: convert the file (iconv -f GBK -t UTF-8)",
		good + "1.0.2.0|1.0.2.255|中国|0|福建省|福州市|\xe7\x94":      "not UTF-8 text",
		good + strings.Repeat("1", 70<<10) + "\n":             ":2:1: a line of more than 65536 bytes",
		"# nothing|but|a|note|here|it|is\n":                   ":1:1: no rows",
	} {
		path := save(t, "ip.txt", []byte(in))
		table, _, err := Read(path, Options{Format: IP2Region, Aggregate: true})
		if err == nil || table != nil || !strings.Contains(err.Error(), path+want) && !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%q: %v; want %q", in, err, want)
		}
	}
}

func TestTenWrongRowsOfIP2RegionAreListed(t *testing.T) {
	_, _, err := Read(save(t, "ip.txt", []byte(strings.Repeat("1|2|中国|0|0|0|0\n", 1000))), Options{})
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 11 || !strings.Contains(lines[10], "reading stopped") {
		t.Errorf("%d lines: %v", len(lines), err)
	}
}

// world writes n rows of ip2region text as it is asked for, so that a large file takes no memory. Each makes one prefix, and
// no two can be joined.
type world struct {
	n, of int
	text  bytes.Buffer
}

func (w *world) Read(p []byte) (int, error) {
	for w.text.Len() < len(p) && w.n < w.of {
		a := func(n int) string { return fmt.Sprintf("%d.%d.%d.%d", n>>24+1, n>>16&255, n>>8&255, n&255) }
		fmt.Fprintf(&w.text, "%s|%s|中国|0|%s|0|电信\n", a(w.n*16), a(w.n*16+15), []string{"广东省", "福建省"}[w.n%2])
		w.n++
	}
	return w.text.Read(p)
}

func TestFiveMillionRowsAreRefusedWithoutReadingThem(t *testing.T) {
	w := &world{of: 5_000_000}
	_, err := readIP2Region(w, "world.txt", Options{Aggregate: true}, &Report{})
	if err == nil || !strings.Contains(err.Error(), "world.txt:1000002:1: more than 1000000 prefixes: a table holds no more: is this the right file?") {
		t.Errorf("got %v", err)
	}
	if w.n > prefix.MaxPrefixes+10_000 {
		t.Errorf("%d rows were read", w.n)
	}
}

// TestJoinedRangesAnswerAsTheFileDoes compares every edge of a file of random ranges.
func TestJoinedRangesAnswerAsTheFileDoes(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 6))
		var text strings.Builder
		want := map[netip.Addr]string{}
		at := netip.MustParseAddr("1.0.0.0")
		for range 300 {
			if r.IntN(4) == 0 {
				want[at] = "00/OTHER"
				at = at.Next()
			}
			last := at
			for range r.IntN(40) {
				last = last.Next()
			}
			name, isp := []string{"广东省", "福建"}[r.IntN(2)], []string{"电信", "联通"}[r.IntN(2)]
			fmt.Fprintf(&text, "%s|%s|中国|0|%s|0|%s\n", at, last, name, isp)
			want[at] = map[string]string{"广东省": "44", "福建": "35"}[name] + "/" + map[string]string{"电信": "CTCC", "联通": "CUCC"}[isp]
			want[last] = want[at]
			at = last.Next()
		}
		for _, aggregate := range []bool{false, true} {
			table, _, err := Read(save(t, "ip.txt", []byte(text.String())), Options{Aggregate: aggregate})
			if err != nil {
				t.Fatal(err)
			}
			for a, class := range want {
				if _, id, _ := table.Lookup(a); id.String() != class {
					t.Fatalf("seed %d, aggregate %v: %s is %s, want %s", seed, aggregate, a, id, class)
				}
			}
		}
	}
}

func FuzzReadIP2Region(f *testing.F) {
	f.Add([]byte("1.0.1.0|1.0.3.255|中国|0|福建省|福州市|电信\n"), true)
	f.Add([]byte("\xef\xbb\xbf::|ffff::|中国|北京|0|0|CN\r\n1.0.0.0|1.0.0.1|0|0|0|0|0"), false)
	f.Fuzz(func(t *testing.T, text []byte, aggregate bool) {
		entries, err := readIP2Region(bytes.NewReader(text), "f", Options{All: aggregate, Aggregate: aggregate}, &Report{})
		if err != nil {
			return
		}
		if _, err := prefix.New(entries); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkReadIP2Region reads 700,000 rows, as many as such files have.
func BenchmarkReadIP2Region(b *testing.B) {
	text, err := io.ReadAll(&world{of: 700_000})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readIP2Region(bytes.NewReader(text), "bench", Options{Aggregate: true}, &Report{}); err != nil {
			b.Fatal(err)
		}
	}
}
