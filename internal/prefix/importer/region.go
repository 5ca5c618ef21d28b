package importer

import (
	"strings"

	"quicedge/internal/class"
)

// isoProvinces are the codes of ISO 3166-2:CN, without CN-.
var isoProvinces = map[string]class.Province{
	"BJ": 11, "TJ": 12, "HE": 13, "SX": 14, "NM": 15, "LN": 21, "JL": 22, "HL": 23, "SH": 31, "JS": 32, "ZJ": 33, "AH": 34,
	"FJ": 35, "JX": 36, "SD": 37, "HA": 41, "HB": 42, "HN": 43, "GD": 44, "GX": 45, "HI": 46, "CQ": 50, "SC": 51, "GZ": 52,
	"YN": 53, "XZ": 54, "SN": 61, "GS": 62, "QH": 63, "NX": 64, "XJ": 65, "TW": 71, "HK": 81, "MO": 82,
}

// countryProvinces are the countries of ISO 3166-1, by code and by name, that are provinces in GB/T 2260; 0 is any province.
var countryProvinces = map[string]class.Province{
	"CN": 0, "CHINA": 0, "中国": 0,
	"TW": 71, "TAIWAN": 71, "台湾": 71, "中国台湾": 71, "台湾省": 71,
	"HK": 81, "HONG KONG": 81, "香港": 81, "中国香港": 81, "香港特别行政区": 81,
	"MO": 82, "MACAO": 82, "MACAU": 82, "澳门": 82, "中国澳门": 82, "澳门特别行政区": 82,
}

// chinese reports whether a country, by code or name, is China, and which province of it, should the name say so.
func chinese(country string) (class.Province, bool) {
	p, ok := countryProvinces[strings.ToUpper(strings.TrimSpace(country))]
	return p, ok
}

// nothing reports whether a text stands for no value.
func nothing(s string) bool {
	switch strings.ToLower(s) {
	case "", "0", "-", "null", "none", "unknown", "未知":
		return true
	}
	return false
}

// regionWords are what English names of provinces have behind the name itself.
var regionWords = []string{
	" province", " municipality", " autonomous region", " sar", " sheng", " shi", " zizhiqu",
	" zhuang", " zhuangzu", " hui", " huizu", " uygur", " uyghur", " special administrative region",
}

// parseRegion reads a province as databases write it: a code of ISO 3166-2 or GB/T 2260, or a name.
func parseRegion(s string) (class.Province, bool) {
	s = strings.TrimSpace(s)
	code := strings.TrimPrefix(strings.ToUpper(s), "CN-")
	if p, ok := isoProvinces[code]; ok {
		return p, true
	}
	name := strings.ToLower(s)
	for again := true; again; {
		again = false
		for _, word := range regionWords {
			if cut, ok := strings.CutSuffix(name, word); ok {
				name, again = cut, true
			}
		}
	}
	for _, try := range []string{code, name} {
		if p, err := class.ParseProvince(try); err == nil && p != 0 {
			return p, true
		}
	}
	return 0, false
}
