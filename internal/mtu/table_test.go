package mtu_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"quicedge"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

const head = "province_id,isp,mtu,condition\n"

func ratio(f float64) *float64 { return &f }

func TestShippedTable(t *testing.T) {
	table, err := mtu.ParseTable(bytes.NewReader(quicedge.DefaultTable), "province_mtu.csv")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		province class.Province
		isp      class.ISP
		measured mtu.Measured
		want     uint16
		source   mtu.Source
	}{
		{44, class.CUCC, mtu.Measured{}, 1412, mtu.SourceCSV},
		{44, class.CMCC, mtu.Measured{}, 1500, mtu.SourceDefault},
		{62, class.CMCC, mtu.Measured{}, 1500, mtu.SourceDefault},
		{62, class.CMCC, mtu.Measured{LossRate: ratio(0.065)}, 1500, mtu.SourceDefault},
		{62, class.CMCC, mtu.Measured{LossRate: ratio(0.066)}, 1360, mtu.SourceCSV},
		{53, class.CMCC, mtu.Measured{}, 1380, mtu.SourceCSV},
		{15, class.CTCC, mtu.Measured{}, 1420, mtu.SourceCSV},
		{23, class.CMCC, mtu.Measured{}, 1372, mtu.SourceCSV},
		{23, class.Other, mtu.Measured{}, 1372, mtu.SourceCSV},
		{0, class.Other, mtu.Measured{}, 1500, mtu.SourceDefault},
	}
	for _, tt := range tests {
		id := class.Of(tt.province, tt.isp)
		got, err := mtu.Layers{CSV: table}.Effective(id, tt.measured)
		if err != nil || got.MTU != tt.want || got.Source != tt.source {
			t.Errorf("class %s: %+v, %v; want %d from %s", id, got, err, tt.want, tt.source)
		}
	}
	if got := mtu.Budget(1372); got != 1324 {
		t.Errorf("budget of 1372 is %d, want 1324", got)
	}
}

func TestWrongTables(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"mtu under a datagram":   {head + "44,CUCC,900,always\ndefault,any,1500,", "t.csv:2:9: mtu 900: under 1248"},
		"mtu just under":         {head + "44,CUCC,1247,always\ndefault,any,1500,", "t.csv:2:9: mtu 1247"},
		"mtu over jumbo":         {head + "44,CUCC,9001,always\ndefault,any,1500,", "t.csv:2:9: mtu 9001: over 9000"},
		"mtu no number":          {head + "44,CUCC,big,always\ndefault,any,1500,", "t.csv:2:9: mtu \"big\""},
		"unknown province":       {head + "99,CUCC,1400,\ndefault,any,1500,", "t.csv:2:1: unknown province \"99\""},
		"no province":            {head + ",CUCC,1400,\ndefault,any,1500,", "t.csv:2:1: no province"},
		"unknown isp":            {head + "44,AOL,1400,\ndefault,any,1500,", "t.csv:2:4: unknown isp \"AOL\""},
		"same row twice":         {head + "44,CUCC,1400,\n广东,cucc,1410,always\ndefault,any,1500,", "t.csv:3:1: a second row for 44/CUCC"},
		"no default row":         {head + "44,CUCC,1400,\n", "t.csv: no default row"},
		"two default rows":       {head + "default,any,1500,\ndefault,any,1400,\n", "t.csv:3:1: a second row for default"},
		"default row for an isp": {head + "default,CMCC,1500,\n", "t.csv:2:1: the default row is for any isp"},
		"unknown name":           {head + "44,any,1400,lossrate > 1%\ndefault,any,1500,", "t.csv:2:13: condition \"lossrate > 1%\": undeclared reference"},
		"not a comparison":       {head + "44,any,1400,loss_rate\ndefault,any,1500,", "it is no comparison"},
		"wrong types":            {head + "44,any,1400,isp > 3\ndefault,any,1500,", "t.csv:2:17: condition \"isp > 3\": found no matching overload"},
		"too few fields":         {head + "44,CUCC,1400\ndefault,any,1500,", "t.csv:2:1: 3 fields, want 4"},
		"bare quote":             {head + "44,CUCC,1400,isp == \"CUCC\"\ndefault,any,1500,", "t.csv:2:"},
		"wrong header":           {"province,isp,mtu,condition\n", "t.csv:1:1: header"},
		"empty":                  {"", "t.csv:1:1: empty file"},
		"UTF-16":                 {"\xff\xfep\x00", "t.csv:1:1: UTF-16"},
		"GBK":                    {head + "\xb9\xe3\xb6\xab,CUCC,1400,\n", "t.csv:2:1: not UTF-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			table, err := mtu.ParseTable(strings.NewReader(tt.in), "t.csv")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			if table != nil {
				t.Error("a table came with the error")
			}
		})
	}
}

func TestTableOf50000RowsIsRefusedAtTheLimit(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "default,any,1500,always\n")
	for i := range 50_000 {
		fmt.Fprintf(&b, "44,CUCC,1400,rtt_ms > %d.0\n", i)
	}
	_, err := mtu.ParseTable(strings.NewReader(b.String()), "big.csv")
	if err == nil || !strings.Contains(err.Error(), "big.csv:4098:1: more than 4096 rows") {
		t.Fatalf("got %v", err)
	}
}

func TestBOMAndCRLFAreAccepted(t *testing.T) {
	in := "\xef\xbb\xbf" + strings.ReplaceAll(head+"# note\n44,CUCC,1400,always\n\ndefault,any,1500,\n", "\n", "\r\n")
	table, err := mtu.ParseTable(strings.NewReader(in), "t.csv")
	if err != nil || len(table.Rows()) != 2 {
		t.Fatalf("rows %v, %v", table.Rows(), err)
	}
}

func TestManyErrorsAreListedOnceEach(t *testing.T) {
	in := head + strings.Repeat("44,CUCC,900,always\n", 500)
	_, err := mtu.ParseTable(strings.NewReader(in), "t.csv")
	if lines := strings.Count(err.Error(), "\n"); lines != 10 {
		t.Fatalf("%d line ends in\n%v", lines, err)
	}
}

func TestMostSpecificRowWins(t *testing.T) {
	in := head + "any,any,1490,\nany,CMCC,1480,\n44,any,1470,\n44,CMCC,1460,\n44,CMCC,1450,rtt_ms > 80\ndefault,any,1500,\n"
	table, err := mtu.ParseTable(strings.NewReader(in), "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	overrides := (*mtu.Table)(nil).With(mtu.For(class.Of(11, class.CMCC)), 1300)
	for _, tt := range []struct {
		id   class.ID
		m    mtu.Measured
		want uint16
	}{
		{class.Of(0, class.Other), mtu.Measured{}, 1490},
		{class.Of(12, class.CMCC), mtu.Measured{}, 1480},
		{class.Of(44, class.CUCC), mtu.Measured{}, 1470},
		{class.Of(44, class.CMCC), mtu.Measured{}, 1460},
		{class.Of(44, class.CMCC), mtu.Measured{RTT: ratio(81)}, 1450},
		{class.Of(11, class.CMCC), mtu.Measured{}, 1300},
	} {
		got, err := mtu.Layers{CSV: table, Overrides: overrides}.Effective(tt.id, tt.m)
		if err != nil || got.MTU != tt.want {
			t.Errorf("class %s: %d, %v; want %d", tt.id, got.MTU, err, tt.want)
		}
	}
}

func TestOverridesReadBack(t *testing.T) {
	sel, err := mtu.ParseSelector("广东", "")
	if err != nil {
		t.Fatal(err)
	}
	table := (*mtu.Table)(nil).With(sel, 1400).With(mtu.For(class.Of(62, class.CMCC)), 1300).With(sel, 1410)
	var b bytes.Buffer
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	back, err := mtu.ParseOverrides(&b, "overrides.csv")
	if err != nil || len(back.Rows()) != 2 || back.Rows()[0].MTU != 1410 {
		t.Fatalf("read back %v, %v", back.Rows(), err)
	}
	less, ok := back.Without(sel)
	if !ok || len(less.Rows()) != 1 {
		t.Errorf("without %s: %v, %v", sel, less.Rows(), ok)
	}
	if _, ok := less.Without(sel); ok {
		t.Error("removed twice")
	}
	for _, bad := range []string{"default,any,1500,\n", "44,any,1400,rtt_ms > 3\n"} {
		if _, err := mtu.ParseOverrides(strings.NewReader(head+bad), "o.csv"); err == nil {
			t.Errorf("override %q was accepted", bad)
		}
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add(quicedge.DefaultTable)
	f.Add([]byte(head + "44,CUCC,900,\"x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		table, err := mtu.ParseTable(bytes.NewReader(in), "f")
		if (table == nil) == (err == nil) {
			t.Fatalf("table %v, error %v", table, err)
		}
		for _, id := range class.All() {
			if table != nil {
				got, err := mtu.Layers{CSV: table}.Effective(id, mtu.Measured{})
				if err != nil || got.MTU < mtu.Min || got.MTU > mtu.Max {
					t.Fatalf("class %s: %v, %v", id, got, err)
				}
			}
		}
	})
}

func TestTheRowsOfAClassGiveWhatTheTableGives(t *testing.T) {
	table, err := mtu.ParseTable(strings.NewReader(`province_id,isp,mtu,condition
any,CMCC,1490,always
44,any,1480,rtt_ms > 80
44,CUCC,1412,"province_id == 44 && isp == ""CUCC"""
44,CMCC,1400,"isp == ""CUCC"""
62,CMCC,1360,loss_rate > 6.5%
any,any,1492,loss_rate > 3% || rtt_ms > 200
default,any,1500,always
`), "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	all := mtu.Layers{CSV: table, Overrides: (*mtu.Table)(nil).With(mtu.Selector{Province: 53, HasProvince: true}, 1300)}
	for _, id := range class.All() {
		for _, m := range []mtu.Measured{{}, {LossRate: new(0.04)}, {RTT: new(90.0)}, {LossRate: new(0.08), RTT: new(250.0)}} {
			want, err := all.Effective(id, m)
			got, err2 := all.Of(id).Effective(id, m)
			if got != want || err != nil || err2 != nil {
				t.Errorf("%s: %+v, want %+v; %v, %v", id, got, want, err2, err)
			}
		}
	}
	if rows := table.Of(class.Of(44, class.CMCC)).Rows(); len(rows) != 4 {
		t.Errorf("rows %v", rows)
	}
}

func TestPromotedRowsHoldWhateverIsMeasured(t *testing.T) {
	table, err := mtu.ParseTable(strings.NewReader(head+"62,CMCC,1360,loss_rate > 6.5%\n62,CMCC,1290,rtt_ms > 80\n62,any,1400,always\ndefault,any,1500,always\n"), "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	gansu := class.Of(62, class.CMCC)
	promoted := table.Promote(mtu.For(gansu), 1300)
	for _, tt := range []struct {
		id   class.ID
		m    mtu.Measured
		want uint16
	}{
		{gansu, mtu.Measured{}, 1300},
		{gansu, mtu.Measured{LossRate: ratio(0.08)}, 1300},
		{gansu, mtu.Measured{RTT: ratio(90)}, 1290},
		{class.Of(62, class.CUCC), mtu.Measured{}, 1400},
		{class.Of(11, class.CUCC), mtu.Measured{}, 1500},
	} {
		if r, _ := promoted.Find(tt.id, tt.m); r.MTU != tt.want {
			t.Errorf("%s: %d, want %d", tt.id, r.MTU, tt.want)
		}
	}
	if again := promoted.Promote(mtu.For(gansu), 1280); len(again.Rows()) != len(promoted.Rows()) {
		t.Errorf("rows %v", again.Rows())
	}
}
