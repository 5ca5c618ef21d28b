package importer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"quicedge/internal/class"
)

// record is what an MMDB says of a network, as far as classes are made of it.
type record struct {
	country  string // "" where it names none
	inChina  bool
	province class.Province
	isp      class.ISP
	unknown  string // name of a region that is no province
}

// Fields of records, in the order in which they count. GeoLite2, GeoIP2 and DB-IP have a map in country and a list in
// subdivisions; IPinfo and others have texts.
var (
	countryFields = [][]string{{"country", "iso_code"}, {"country_code"}, {"country"}}
	regionFields  = [][]string{{"iso_code"}, {"names", "en"}, {"names", "zh-CN"}}
	regionTexts   = []string{"region_code", "region", "region_name", "state1", "province"}
	asnFields     = [][]string{{"autonomous_system_number"}, {"asn"}, {"traits", "autonomous_system_number"}}
	ispFields     = [][]string{
		{"isp"}, {"traits", "isp"}, {"autonomous_system_organization"}, {"traits", "autonomous_system_organization"},
		{"as_name"}, {"organization"}, {"traits", "organization"}, {"name"},
	}
)

func recordOf(fields any) record {
	rec := record{}
	for _, path := range countryFields {
		if rec.country = text(fields, path...); !nothing(rec.country) {
			break
		}
		rec.country = ""
	}
	rec.province, rec.inChina = chinese(rec.country)
	if rec.inChina && rec.province == 0 {
		rec.province, rec.unknown = provinceOf(fields)
	}
	rec.isp = ispOf(fields, rec.inChina)
	return rec
}

func provinceOf(fields any) (p class.Province, unknown string) {
	var names []string
	if list, ok := at(fields, "subdivisions").([]any); ok {
		for _, subdivision := range list {
			for _, path := range regionFields {
				names = append(names, text(subdivision, path...))
			}
		}
	}
	for _, field := range regionTexts {
		names = append(names, text(fields, field))
	}
	for _, name := range names {
		if nothing(name) {
			continue
		}
		if p, known := parseRegion(name); known {
			return p, ""
		}
		if unknown == "" || len(name) > len(unknown) {
			unknown = name // a name says more than a code
		}
	}
	return 0, unknown
}

func ispOf(fields any, inChina bool) class.ISP {
	for _, path := range asnFields {
		number := strings.TrimPrefix(strings.ToUpper(text(fields, path...)), "AS")
		if asn, err := strconv.ParseUint(number, 10, 32); err == nil {
			if isp := ispOfASN(uint32(asn)); isp != class.Other {
				return isp
			}
		}
	}
	for _, path := range ispFields {
		if isp := ispOfName(text(fields, path...), inChina); isp != class.Other {
			return isp
		}
	}
	return class.Other
}

// at follows a path of keys; nil where it leads nowhere.
func at(v any, path ...string) any {
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// text returns a text or a whole number as text, "" for anything else.
func text(v any, path ...string) string {
	switch v := at(v, path...).(type) {
	case string:
		return v
	case uint16, uint32, uint64, int32, int64, int, uint:
		return fmt.Sprint(v)
	}
	return ""
}

// warn names regions that are no province, at most ten.
func (m *mmdb) warn() {
	if len(m.unknown) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(m.unknown))
	more := ""
	if len(names) > 10 {
		names, more = names[:10], " and more"
	}
	m.report.Warnings = append(m.report.Warnings, fmt.Sprintf("%s: no provinces, so province 0: %q%s", m.main.name, names, more))
}
