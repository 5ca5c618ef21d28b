package importer

import (
	"testing"

	"quicedge/internal/class"
)

func TestISPsByNumberAndName(t *testing.T) {
	for asn, want := range map[uint32]class.ISP{
		4134: class.CTCC, 4812: class.CTCC, 4809: class.CTCC, 4837: class.CUCC, 4808: class.CUCC, 9929: class.CUCC, 9808: class.CMCC, 56040: class.CMCC,
		56048: class.CMCC, 56049: class.Other, 24400: class.CMCC, 4538: class.CERNET, 24360: class.CERNET, 7641: class.CBN, 15169: class.Other, 0: class.Other, 1<<32 - 1: class.Other,
	} {
		if got := ispOfASN(asn); got != want {
			t.Errorf("AS%d: %s, want %s", asn, got, want)
		}
	}
	for i := 1; i < len(asns); i++ {
		if asns[i-1].last >= asns[i].first || asns[i].last < asns[i].first {
			t.Errorf("AS%d is not in order", asns[i].first)
		}
	}
	for name, want := range map[string][2]class.ISP{ // in China, elsewhere
		"CHINANET-BACKBONE":                           {class.CTCC, class.CTCC},
		"China Telecom (Group)":                       {class.CTCC, class.CTCC},
		"CHINA UNICOM China169 Backbone":              {class.CUCC, class.CUCC},
		"CNC Group CHINA169 Beijing":                  {class.CUCC, class.CUCC},
		"UNICOM InnerMongolia province network":       {class.CUCC, class.Other},
		"China Mobile communications corporation":     {class.CMCC, class.CMCC},
		"China TieTong Telecommunications":            {class.CMCC, class.CMCC},
		"China Education and Research Network Center": {class.CERNET, class.Other},
		"CERNET2 IX at Tsinghua University":           {class.CERNET, class.CERNET},
		"China Broadcasting TV Net":                   {class.CBN, class.CBN},
		"British Broadcasting Corporation":            {class.CBN, class.Other},
		"Unicompany":                                  {class.Other, class.Other}, "Chunghwa Telecom": {class.Other, class.Other}, "": {class.Other, class.Other},
		"电信": {class.CTCC, class.CTCC}, "中国电信": {class.CTCC, class.CTCC}, "中华电信": {class.Other, class.Other}, "电信/联通": {class.Other, class.Other},
		"铁通": {class.CMCC, class.CMCC}, "教育网": {class.CERNET, class.CERNET}, "云南广电": {class.CBN, class.CBN}, "鹏博士": {class.Other, class.Other},
	} {
		if got := [2]class.ISP{ispOfName(name, true), ispOfName(name, false)}; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestEveryProvinceHasItsCode(t *testing.T) {
	seen := map[class.Province]string{}
	for code, p := range isoProvinces {
		if !p.Valid() || p == 0 || seen[p] != "" {
			t.Errorf("%s and %s are %s", code, seen[p], p)
		}
		seen[p] = code
		for _, name := range []string{code, "CN-" + code, p.Name(), p.Name() + " Province", p.Chinese(), p.Chinese() + "省", p.String()} {
			if got, ok := parseRegion(name); !ok || got != p {
				t.Errorf("%q: %s, %v; want %s", name, got, ok, p)
			}
		}
	}
	if len(seen) != len(class.Provinces()) {
		t.Errorf("%d of %d provinces have codes", len(seen), len(class.Provinces()))
	}
	for name, want := range map[string]class.Province{
		"Xinjiang Uyghur Autonomous Region": 65, "Guangxi Zhuangzu Zizhiqu": 45, "Ningxia Hui Autonomous Region": 64, "Nei Mongol": 15, "Beijing Shi": 11, "Hong Kong SAR": 81,
	} {
		if got, ok := parseRegion(name); !ok || got != want {
			t.Errorf("%q: %s, %v; want %s", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "0", "99", "QQ", "California", "CN-", "Province"} {
		if got, ok := parseRegion(name); ok {
			t.Errorf("%q is province %s", name, got)
		}
	}
}
