package prefix

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"quicedge/internal/class"
)

const head = "prefix,province_id,isp\n"

func TestLookupTakesTheLongestPrefix(t *testing.T) {
	table, err := ParseCSV(strings.NewReader(head+`
10.0.0.0/8,44,CUCC
10.1.0.0/16,23,any-case
10.1.2.3/32,62,cmcc
2001:db8::/32,15,CTCC
2001:db8:1::/48,0,CTCC
`), "p.csv")
	if err == nil {
		t.Fatalf("isp any-case was accepted: %v", table)
	}
	table, err = ParseCSV(strings.NewReader(head+"10.0.0.0/8,44,CUCC\n10.1.0.0/16,黑龙江,OTHER\n10.1.2.3/32,62,cmcc\n2001:db8::/32,15,CTCC\n2001:db8:1::/48,0,CTCC\n"), "p.csv")
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]struct {
		prefix string
		id     class.ID
	}{
		"10.2.0.0":         {"10.0.0.0/8", class.Of(44, class.CUCC)},
		"10.1.2.2":         {"10.1.0.0/16", class.Of(23, class.Other)},
		"10.1.2.3":         {"10.1.2.3/32", class.Of(62, class.CMCC)},
		"::ffff:10.1.2.3":  {"10.1.2.3/32", class.Of(62, class.CMCC)},
		"11.0.0.0":         {"invalid Prefix", 0},
		"2001:db8:2::1":    {"2001:db8::/32", class.Of(15, class.CTCC)},
		"2001:db8:1::1":    {"2001:db8:1::/48", class.Of(0, class.CTCC)},
		"fe80::1%lo":       {"invalid Prefix", 0},
		"2001:db8:1::1%e0": {"2001:db8:1::/48", class.Of(0, class.CTCC)},
	} {
		p, id, _ := table.Lookup(netip.MustParseAddr(addr))
		if p.String() != want.prefix || id != want.id {
			t.Errorf("%s: %s %s, want %s %s", addr, p, id, want.prefix, want.id)
		}
	}
}

func TestWrongRowsNameLineAndReason(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1/8,44,CUCC\n":                       "p.csv:2:1: prefix \"10.0.0.1/8\": has bits set behind its length: did you mean 10.0.0.0/8?",
		"10.0.0.0/33,44,CUCC\n":                      "p.csv:2:1: prefix \"10.0.0.0/33\": its length is \"33\": use 0 to 32",
		"10.0.0.0/255.0.0.0,44,CUCC\n":               "its length is \"255.0.0.0\": use 0 to 32",
		"2001:db8::/129,44,CUCC\n":                   "its length is \"129\": use 0 to 128",
		"10.0.0/24,44,CUCC\n":                        "write it as 198.51.100.0/24",
		"10.0.0.0,44,CUCC\n":                         "p.csv:2:1: prefix \"10.0.0.0\": without a length: for this address alone write 10.0.0.0/32",
		"::ffff:10.0.0.0/104,44,CUCC\n":              "IPv4 prefix in IPv6 form",
		"10.0.0.0/8,99,CUCC\n":                       "p.csv:2:12: unknown province \"99\"",
		"10.0.0.0/8,44,X\n":                          "p.csv:2:15: unknown isp",
		"10.0.0.0/8,44,CUCC\n10.0.0.0/8,44,CMCC\n":   "p.csv:3:1: prefix 10.0.0.0/8: given twice, first on line 2",
		"10.0.0.0/8,44\n":                            "p.csv:2:1: 2 fields, want 3",
		"fe80::1%lo/64,44,CUCC\n":                    "p.csv:2:1",
		"10.0.0.0/8,44,CUCC\n\"11.0.0.0/8,44,CUCC\n": "p.csv:3:",
	} {
		table, err := ParseCSV(strings.NewReader(head+in), "p.csv")
		if err == nil || table != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", in, err, want)
		}
	}
}

func TestTableIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for i := range MaxPrefixes + 1 {
		fmt.Fprintf(&b, "%d.%d.%d.0/24,44,CUCC\n", i>>16, i>>8&255, i&255)
	}
	_, err := ParseCSV(strings.NewReader(b.String()), "big.csv")
	if err == nil || !strings.Contains(err.Error(), "big.csv:1000002:1: more than 1000000 rows") {
		t.Fatalf("got %v", err)
	}
}

func TestDemoTable(t *testing.T) {
	f, err := os.Open("../../examples/demo_prefixes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := ParseCSV(f, f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if _, id, _ := table.Lookup(netip.MustParseAddr("198.51.100.7")); id.Province() != 23 {
		t.Errorf("198.51.100.7 is of class %s, want province 23", id)
	}
}

func FuzzParseCSV(f *testing.F) {
	f.Add(head + "10.0.0.0/8,44,CUCC\n")
	f.Add("\xef\xbb\xbf" + head + "2001:db8::/32,0,\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		table, err := ParseCSV(strings.NewReader(in), "f")
		if (table == nil) == (err == nil) {
			t.Fatalf("table %v, error %v", table, err)
		}
		for _, e := range table.Entries() {
			p, id, ok := table.Lookup(e.Prefix.Addr())
			if !ok || p.Bits() < e.Prefix.Bits() || (p == e.Prefix && id != e.Class) {
				t.Fatalf("%v: found %v %v %v", e, p, id, ok)
			}
		}
	})
}
