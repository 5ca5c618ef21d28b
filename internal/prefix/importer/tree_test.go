package importer

import (
	"encoding/binary"
	"strings"
	"testing"

	"quicedge/internal/prefix/importer/mmdbtest"
)

// chain is an MMDB whose node i leads to node i+1 and, for the other bit, where other says; the last one to a record.
func chain(t *testing.T, bits string, other func(node int) uint32) string {
	t.Helper()
	data := (&mmdbtest.Writer{RecordSize: 32}).Insert(bits, city("CN", "GD", "", "")).Bytes()
	for i := 0; binary.BigEndian.Uint32(data[8*i:]) == uint32(i+1); i++ {
		binary.BigEndian.PutUint32(data[8*i+4:], other(i))
	}
	return save(t, "chain.mmdb", data)
}

// Each of these has up to 2^128 ways through it; a walk of them all would not end.
func TestATreeWithManyWaysToANodeIsRefused(t *testing.T) {
	good := chain(t, "::/97", func(i int) uint32 { return 97 }) // 97 nodes: 97 is no network
	if _, _, err := Read(good, Options{}); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]func(int) uint32{
		"twice to the next":         func(i int) uint32 { return uint32(i + 1) },
		"back to the root":          func(int) uint32 { return 0 },
		"back":                      func(i int) uint32 { return uint32(i) },
		"twice to the last but one": func(i int) uint32 { return 95 },
	} {
		bad := chain(t, "::/97", other)
		for _, opt := range []Options{{Format: MMDB}, {Format: MMDB, ISPs: good}} {
			if _, _, err := Read(bad, opt); err == nil || !strings.Contains(err.Error(), "where another does, or back") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, err := Read(good, Options{ISPs: bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s, as the database of ISPs: %v", name, err)
		}
	}
	// Node 96 is where IPv4 begins: any may lead there.
	table, _, err := Read(chain(t, "::/97", func(int) uint32 { return 96 }), Options{})
	if err != nil || list(table) != "0.0.0.0/1 44/OTHER" {
		t.Errorf("aliases of IPv4: %v, %v", table, err)
	}
}

func TestARecordThatIsTooLargeIsRefused(t *testing.T) {
	many := func(n int) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = uint16(i)
		}
		return list
	}
	for name, tt := range map[string]struct {
		field any
		ok    bool
	}{
		"many values":      {many(maxRecord - 10), true},
		"too many":         {many(maxRecord), false},
		"too many in maps": {[]any{map[string]any{"a": many(maxRecord / 2)}, map[string]any{"b": many(maxRecord / 2)}}, false},
		"long text":        {strings.Repeat("x", 15*maxRecord), true},
		"too long":         {strings.Repeat("x", 16*maxRecord), false},
		"a long name":      {map[string]any{strings.Repeat("x", 16*maxRecord): uint16(1)}, false},
	} {
		w := (&mmdbtest.Writer{}).Insert("1.0.0.0/24", map[string]any{"country": "CN", "region": "Fujian", "more": tt.field})
		_, _, err := Read(save(t, "record.mmdb", w.Bytes()), Options{})
		if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "record of 1.0.0.0/24: more than 1024 values") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARecordWithinItselfIsNamedShortly(t *testing.T) {
	data := (&mmdbtest.Writer{}).Insert("1.0.0.0/24", map[string]any{"a": uint64(0)}).Bytes()
	itself := strings.Replace(string(data), "\xe1\x41a\x08\x02", "\xe1\x41a\x38\x00", 1) // a pointer to the record's own beginning
	_, _, err := Read(save(t, "itself.mmdb", []byte(itself)), Options{})
	if err == nil || len(err.Error()) > 600 || !strings.Contains(err.Error(), "record of 1.0.0.0/24") || !strings.Contains(err.Error(), "depth") {
		t.Errorf("%v", err)
	}
}

func TestNamesOfUnknownRegionsAreKeptShort(t *testing.T) {
	long := strings.Repeat("Avatar ", 500)
	w := (&mmdbtest.Writer{}).Insert("1.0.0.0/24", map[string]any{"country": "CN", "region": long})
	_, report, err := Read(save(t, "long.mmdb", w.Bytes()), Options{})
	if err != nil || len(report.Warnings) != 1 || strings.Count(report.Warnings[0], "Avatar") != 9 {
		t.Errorf("%v, %q", err, report.Warnings)
	}
}
