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
	country  bool // whether it names one
	inChina  bool
	province class.Province
	isp      class.ISP
	unknown  string // name of a region that is no province, or its beginning
}

// maxRecord bounds what a record may come to, see size: those of GeoIP2 Enterprise have about 100 values. Pointers let a small
// file have any number of records that are all as large as it.
const maxRecord = 1024

// size counts the values of a record, and each 16 bytes of text as one more, until there are more than most.
func size(v any, most int) int {
	n := 1
	switch v := v.(type) {
	case string:
		n += len(v) / 16
	case []byte:
		n += len(v) / 16
	case []any:
		for _, element := range v {
			if n += size(element, most-n); n > most {
				break
			}
		}
	case map[string]any:
		for key, element := range v {
			if n += len(key)/16 + size(element, most-n); n > most {
				break
			}
		}
	}
	return n
}

// Fields of records, in the order in which they count. GeoLite2, GeoIP2 and DB-IP have a map in country and a list in
// subdivisions; IPinfo and others have texts.
var (
	countryFields = [][]string{{"country", "iso_code"}, {"country_code"}, {"country"}}
	regionFields  = [][]string{{"iso_code"}, {"names", "en"}, {"names", "zh-CN"}}
	regionTexts   = []string{"region_code", "region", "region_name", "state1", "province"}
	asnFields     = [][]string{{"autonomous_system_number"}, {"asn"}, {"traits", "autonomous_system_number"}}
	ispFields     = [][]string{
		{"isp"},
		{"traits", "isp"},
		{"autonomous_system_organization"},
		{"traits", "autonomous_system_organization"},
		{"as_name"},
		{"organization"},
		{"traits", "organization"},
		{"name"},
	}
)

func recordOf(fields any) record {
	rec := record{}
	for _, path := range countryFields {
		if name := text(fields, path...); !nothing(name) {
			rec.country = true
			rec.province, rec.inChina = chinese(name)
			break
		}
	}
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
	return 0, strings.Clone(unknown[:min(len(unknown), 64)])
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
