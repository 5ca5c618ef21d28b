package importer

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quicedge/internal/prefix"
	"quicedge/internal/prefix/importer/mmdbtest"
)

// city is a record of GeoLite2-City.
func city(country, code, english, chinese string) map[string]any {
	rec := map[string]any{
		"city":               map[string]any{"geoname_id": 1795565, "names": map[string]any{"en": "Shenzhen", "zh-CN": "深圳市"}},
		"continent":          map[string]any{"code": "AS", "geoname_id": 6255147, "names": map[string]any{"en": "Asia", "zh-CN": "亚洲"}},
		"country":            map[string]any{"geoname_id": 1814991, "iso_code": country, "names": map[string]any{"en": "China", "zh-CN": "中国"}},
		"location":           map[string]any{"accuracy_radius": uint16(50), "latitude": 22.5559, "longitude": 114.0577, "time_zone": "Asia/Shanghai"},
		"registered_country": map[string]any{"geoname_id": 1814991, "iso_code": country, "names": map[string]any{"en": "China"}},
	}
	if code+english+chinese != "" {
		subdivision := map[string]any{"geoname_id": 1809935, "names": map[string]any{}}
		if code != "" {
			subdivision["iso_code"] = code
		}
		for language, name := range map[string]string{"en": english, "zh-CN": chinese} {
			if name != "" {
				subdivision["names"].(map[string]any)[language] = name
			}
		}
		rec["subdivisions"] = []any{subdivision}
	}
	return rec
}

// asn is a record of GeoLite2-ASN.
func asn(number uint32, organization string) map[string]any {
	return map[string]any{"autonomous_system_number": number, "autonomous_system_organization": organization}
}

func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func list(table *prefix.Table) string {
	var rows []string
	for _, e := range table.Entries() {
		rows = append(rows, fmt.Sprintf("%s %s", e.Prefix, e.Class))
	}
	return strings.Join(rows, ", ")
}

func TestMMDBsOfManyMakers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		db     *mmdbtest.Writer
		opt    Options
		want   string
		report Report
	}{
		{
			"GeoLite2-City", (&mmdbtest.Writer{Type: "GeoLite2-City", Alias: true}).
				Insert("1.0.1.0/24", city("CN", "FJ", "Fujian", "福建省")).
				Insert("1.0.8.0/21", city("CN", "GD", "Guangdong", "广东")).
				Insert("1.0.64.0/18", city("JP", "34", "Hiroshima", "")).
				Insert("5.0.0.0/8", city("CN", "", "", "")).
				Insert("6.0.0.0/24", city("HK", "HCW", "Central and Western District", "")).
				Insert("6.0.1.0/24", city("TW", "TPE", "Taipei City", "")).
				Insert("6.0.2.0/24", city("MO", "", "", "")).
				Insert("7.0.0.0/24", city("CN", "", "Inner Mongolia Autonomous Region", "")).
				Insert("7.0.1.0/24", city("CN", "", "", "黑龙江省")).
				Insert("7.0.2.0/24", city("CN", "QQ", "Nowhere", "")).
				Insert("2400:da00::/32", city("CN", "44", "", "")),
			Options{},
			"1.0.1.0/24 35/OTHER, 1.0.8.0/21 44/OTHER, 5.0.0.0/8 00/OTHER, 6.0.0.0/24 81/OTHER, 6.0.1.0/24 71/OTHER, 6.0.2.0/24 82/OTHER, " +
				"7.0.0.0/24 15/OTHER, 7.0.1.0/24 23/OTHER, 7.0.2.0/24 00/OTHER, 2400:da00::/32 44/OTHER",
			Report{Format: MMDB, Rows: 11, Kept: 10, Foreign: 1, Prefixes: 10},
		},
		{
			"GeoLite2-ASN alone", (&mmdbtest.Writer{Type: "GeoLite2-ASN", RecordSize: 24}).
				Insert("1.0.1.0/24", asn(4134, "No.31,Jin-rong Street")).
				Insert("1.0.2.0/24", asn(4837, "CHINA UNICOM China169 Backbone")).
				Insert("1.0.4.0/24", asn(56041, "China Mobile communications corporation")).
				Insert("1.0.5.0/24", asn(139721, "CHINATELECOM JIANGSU province NANTONG MAN network")).
				Insert("1.0.6.0/24", asn(15169, "GOOGLE")).
				Insert("1.0.7.0/24", asn(2818, "British Broadcasting Corporation")),
			Options{},
			"1.0.1.0/24 00/CTCC, 1.0.2.0/24 00/CUCC, 1.0.4.0/24 00/CMCC, 1.0.5.0/24 00/CTCC",
			Report{Format: MMDB, Rows: 6, Kept: 4, NoCountry: 2, Prefixes: 4},
		},
		{
			"IPinfo Lite", (&mmdbtest.Writer{Type: "ipinfo bundle_lite.mmdb", RecordSize: 32}).
				Insert("1.0.1.0/24", map[string]any{"asn": "AS4134", "as_name": "CHINANET-BACKBONE", "country": "China", "country_code": "CN"}).
				Insert("1.0.2.0/24", map[string]any{"asn": "AS99", "as_name": "Hebei Broadcasting & TV", "country": "China", "country_code": "CN"}).
				Insert("1.0.3.0/24", map[string]any{"asn": "AS15169", "as_name": "Google LLC", "country": "United States", "country_code": "US"}),
			Options{},
			"1.0.1.0/24 00/CTCC, 1.0.2.0/24 00/CBN",
			Report{Format: MMDB, Rows: 3, Kept: 2, Foreign: 1, Prefixes: 2},
		},
		{
			"IPinfo location", (&mmdbtest.Writer{Type: "ipinfo standard_location.mmdb"}).
				Insert("1.0.1.0/24", map[string]any{"city": "Fuzhou", "region": "Fujian", "region_code": "FJ", "country": "CN", "lat": "26.06"}).
				Insert("1.0.2.0/24", map[string]any{"city": "Yinchuan", "region": "Ningxia Hui Autonomous Region", "country": "CN"}).
				Insert("1.0.3.0/24", map[string]any{"city": "Lhasa", "region": "Tibet", "country": "CN"}),
			Options{},
			"1.0.1.0/24 35/OTHER, 1.0.2.0/24 64/OTHER, 1.0.3.0/24 54/OTHER",
			Report{Format: MMDB, Rows: 3, Kept: 3, Prefixes: 3},
		},
		{
			"GeoIP2-Enterprise", (&mmdbtest.Writer{Type: "GeoIP2-Enterprise", IPVersion: 4}).
				Insert("1.0.1.0/24", map[string]any{
					"country": map[string]any{"iso_code": "CN"}, "subdivisions": []any{map[string]any{"iso_code": "SN"}},
					"traits": map[string]any{"autonomous_system_number": uint32(1), "isp": "China Unicom Shaanxi"},
				}),
			Options{},
			"1.0.1.0/24 61/CUCC",
			Report{Format: MMDB, Rows: 1, Kept: 1, Prefixes: 1},
		},
		{
			"all", (&mmdbtest.Writer{Type: "GeoLite2-City"}).
				Insert("1.0.1.0/24", city("CN", "FJ", "", "")).Insert("8.8.8.0/24", city("US", "CA", "", "")),
			Options{All: true},
			"1.0.1.0/24 35/OTHER, 8.8.8.0/24 00/OTHER",
			Report{Format: MMDB, Rows: 2, Kept: 2, Prefixes: 2},
		},
		{
			"aggregated", (&mmdbtest.Writer{Type: "GeoLite2-City"}).
				Insert("1.0.0.0/24", city("CN", "FJ", "Fujian", "")).Insert("1.0.1.0/24", city("CN", "", "Fujian", "")).
				Insert("1.0.2.0/23", city("CN", "FJ", "", "")).Insert("1.0.4.0/24", city("CN", "GD", "", "")),
			Options{Aggregate: true},
			"1.0.0.0/22 35/OTHER, 1.0.4.0/24 44/OTHER",
			Report{Format: MMDB, Rows: 4, Kept: 4, Aggregated: 2, Prefixes: 2},
		},
		{
			"a network around all of IPv4", (&mmdbtest.Writer{Type: "GeoLite2-City"}).Insert("::/3", city("CN", "FJ", "", "")),
			Options{},
			"::/3 35/OTHER",
			Report{Format: MMDB, Rows: 1, Kept: 1, Prefixes: 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, report, err := Read(save(t, "db.mmdb", tt.db.Bytes()), tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := list(table); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if tt.name == "GeoLite2-City" && (len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], `["Nowhere"]`)) {
				t.Errorf("warnings %q", report.Warnings)
			}
			report.Warnings = nil
			if fmt.Sprint(report) != fmt.Sprint(tt.report) {
				t.Errorf("report %+v, want %+v", report, tt.report)
			}
		})
	}
}

func TestASecondDatabaseGivesTheISPs(t *testing.T) {
	cities := save(t, "city.mmdb", (&mmdbtest.Writer{Type: "GeoLite2-City", Alias: true}).
		Insert("1.0.0.0/16", city("CN", "GD", "", "")).
		Insert("2.0.0.0/24", city("CN", "FJ", "", "")).
		Insert("2.0.1.0/24", city("CN", "ZJ", "", "")).
		Insert("3.0.0.0/8", city("US", "", "", "")).
		Insert("2400::/16", city("CN", "SH", "", "")).Bytes())
	isps := func(ipVersion int) string {
		w := &mmdbtest.Writer{Type: "GeoLite2-ASN", IPVersion: ipVersion, Alias: ipVersion == 6}
		w.Insert("1.0.8.0/21", asn(4134, "")).Insert("1.0.255.0/24", asn(4837, "")).Insert("2.0.0.0/16", asn(9808, "")).Insert("1.0.16.0/24", asn(64512, "ACME"))
		if ipVersion == 6 {
			w.Insert("2400:da00::/32", asn(4538, ""))
		}
		return save(t, "asn.mmdb", w.Bytes())
	}
	table, report, err := Read(cities, Options{ISPs: isps(6), Aggregate: true})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{
		"1.0.7.255": "44/OTHER", "1.0.8.0": "44/CTCC", "1.0.15.255": "44/CTCC", "1.0.16.0": "44/OTHER", "1.0.254.255": "44/OTHER",
		"1.0.255.255": "44/CUCC", "1.0.0.0": "44/OTHER", "2.0.0.0": "35/CMCC", "2.0.1.255": "33/CMCC", "2.0.2.0": "00/OTHER", "3.0.0.1": "00/OTHER",
		"2400::": "31/OTHER", "2400:da00::1": "31/CERNET", "2400:da01::": "31/OTHER",
	} {
		if _, id, _ := table.Lookup(netip.MustParseAddr(addr)); id.String() != want {
			t.Errorf("%s is %s, want %s", addr, id, want)
		}
	}
	if report.Rows != 5 || report.Kept != 4 || report.Foreign != 1 {
		t.Errorf("%+v", report)
	}
	table, _, err = Read(cities, Options{ISPs: isps(4)})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{"1.0.8.0": "44/CTCC", "2400:da00::1": "31/OTHER"} {
		if _, id, _ := table.Lookup(netip.MustParseAddr(addr)); id.String() != want {
			t.Errorf("with ISPs of IPv4 alone, %s is %s, want %s", addr, id, want)
		}
	}
}

// random makes a database of networks that do not lie within each other.
func random(seed uint64, networks int) (*mmdbtest.Writer, map[netip.Prefix]string) {
	r := rand.New(rand.NewPCG(seed, 5))
	w := &mmdbtest.Writer{Type: "GeoLite2-City", RecordSize: []int{24, 28, 32}[seed%3], Alias: true}
	codes := slices.Sorted(func(yield func(string) bool) {
		for code := range isoProvinces {
			if !yield(code) {
				return
			}
		}
	})[:4]
	want := map[netip.Prefix]string{}
	for at := netip.MustParseAddr("11.0.0.0"); len(want) < networks; {
		p, err := at.Prefix(24 + r.IntN(7))
		if err != nil || p.Addr() != at {
			at = at.Next()
			continue
		}
		code := codes[r.IntN(len(codes))]
		w.Insert(p.String(), city("CN", code, "", ""))
		want[p] = code
		at = prefix.Last(p).Next()
	}
	return w, want
}

func TestAnImportAnswersAsTheDatabaseDoes(t *testing.T) {
	for seed := range uint64(9) {
		w, want := random(seed, 500)
		path := save(t, "db.mmdb", w.Bytes())
		plain, _, err := Read(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		joined, report, err := Read(path, Options{Aggregate: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(plain.Entries()) != len(want) || report.Prefixes != len(want)-report.Aggregated || report.Prefixes != len(joined.Entries()) || report.Aggregated == 0 {
			t.Errorf("seed %d: %d networks, %d prefixes, %+v", seed, len(want), len(plain.Entries()), report)
		}
		for p, code := range want {
			for _, a := range []netip.Addr{p.Addr(), prefix.Last(p)} {
				_, id, _ := plain.Lookup(a)
				if _, now, _ := joined.Lookup(a); id.Province() != isoProvinces[code] || now != id {
					t.Fatalf("seed %d: %s is of %s, imported %s, aggregated %s", seed, a, code, id, now)
				}
			}
		}
	}
}

func TestDamagedMMDBsNameTheFile(t *testing.T) {
	w, _ := random(1, 300)
	whole := w.Bytes()
	path := filepath.Join(t.TempDir(), "cut.mmdb")
	try := func(what string, data []byte) error {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		table, _, err := Read(path, Options{Aggregate: true})
		if err != nil && (!strings.Contains(err.Error(), path) || table != nil) {
			t.Fatalf("%s: %v does not name %s", what, err, path)
		}
		return err
	}
	for n := 0; n < len(whole); n += 1 + n/97 {
		if try(fmt.Sprintf("cut at %d of %d", n, len(whole)), whole[:n]) == nil {
			t.Errorf("cut at %d of %d: no error", n, len(whole))
		}
	}
	// Most flips of the data are other data; a flip of the tree or of the metadata is found or changes an answer. None may hang
	// or panic.
	found := 0
	for at := 0; at < len(whole); at += 1 + len(whole)/700 {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			data := slices.Clone(whole)
			data[at] ^= flip
			if try(fmt.Sprintf("byte %d flipped by %#x", at, flip), data) != nil {
				found++
			}
		}
	}
	if found == 0 {
		t.Error("no flip was found")
	}
}

func TestWhatIsNoMMDB(t *testing.T) {
	for name, tt := range map[string]struct {
		data string
		want string
	}{
		"empty":           {"", "empty file"},
		"text":            {"prefix,province_id,isp\n10.0.0.0/8,44,CUCC\n", "as an MMDB"},
		"marker":          {"\xab\xcd\xefMaxMind.com", "as an MMDB"},
		"future":          {strings.Replace(string((&mmdbtest.Writer{}).Bytes()), "binary_format_major_version\xa2\x00\x02", "binary_format_major_version\xa2\x00\x09", 1), "metadata of format 9"},
		"ip version":      {strings.Replace(string((&mmdbtest.Writer{}).Bytes()), "ip_version\xa2\x00\x06", "ip_version\xa2\x00\x05", 1), "IP version 5"},
		"size of records": {strings.Replace(string((&mmdbtest.Writer{}).Bytes()), "record_size\xa2\x00\x1c", "record_size\xa2\x00\x00", 1), "as an MMDB"},
		"nodes":           {strings.Replace(string((&mmdbtest.Writer{}).Bytes()), "node_count\xc4\x00", "node_count\xc4\x70", 1), "as an MMDB"},
	} {
		path := save(t, "x.mmdb", []byte(tt.data))
		opt := Options{Format: MMDB}
		if name == "empty" {
			opt.Format = Auto
		}
		_, _, err := Read(path, opt)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	// The second database is named when it is the one that cannot be read.
	good := save(t, "good.mmdb", (&mmdbtest.Writer{}).Insert("1.0.0.0/24", city("CN", "GD", "", "")).Bytes())
	bad := save(t, "bad.mmdb", []byte("no"))
	if _, _, err := Read(good, Options{ISPs: bad}); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("a bad database of ISPs: %v", err)
	}
}

func TestATreeThatLeadsInCirclesEnds(t *testing.T) {
	w, _ := random(0, 300) // of 24-bit records
	data := w.Bytes()
	for at := 0; at+6 < 4000; at += 60 {
		circle := slices.Clone(data)
		copy(circle[at:], []byte{0, 0, 0, 0, 0, 0})
		_, _, err := Read(save(t, "circle.mmdb", circle), Options{Format: MMDB})
		if err == nil {
			t.Fatalf("node %d leads to the root: no error", at/6)
		}
	}
}

func FuzzReadMMDB(f *testing.F) {
	w, _ := random(2, 20)
	f.Add(w.Bytes())
	f.Add((&mmdbtest.Writer{Type: "GeoLite2-ASN", RecordSize: 24}).Insert("1.0.1.0/24", asn(4134, "CHINANET")).Bytes())
	f.Add((&mmdbtest.Writer{RecordSize: 32, IPVersion: 4}).Insert("1.0.1.0/24", map[string]any{"asn": "AS4134", "country": "CN", "region": "Fujian"}).Bytes())
	path := filepath.Join(f.TempDir(), "fuzz.mmdb")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, opt := range []Options{{Format: MMDB}, {Format: MMDB, Aggregate: true, All: true}, {Format: MMDB, ISPs: path}} {
			if table, _, err := Read(path, opt); (table == nil) == (err == nil) {
				t.Fatalf("table %v, error %v", table, err)
			}
		}
	})
}

// BenchmarkReadMMDB reads 200,000 networks, alone and with a second database that gives the ISPs of as many.
func BenchmarkReadMMDB(b *testing.B) {
	cities, networks := random(1, 200_000)
	numbers := &mmdbtest.Writer{Type: "GeoLite2-ASN"}
	for p := range networks {
		numbers.Insert(p.String(), asn(4134+uint32(p.Bits()%4), ""))
	}
	path, isps := save(b, "city.mmdb", cities.Bytes()), save(b, "asn.mmdb", numbers.Bytes())
	for name, opt := range map[string]Options{"alone": {Aggregate: true}, "with ISPs": {Aggregate: true, ISPs: isps}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Read(path, opt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
