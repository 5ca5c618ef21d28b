package class

import "testing"

func TestIDHoldsItsProvinceAndISP(t *testing.T) {
	seen := map[ID]bool{}
	for _, p := range append(Provinces(), 0) {
		for _, i := range ISPs() {
			id := Of(p, i)
			if id.Province() != p || id.ISP() != i || !id.Valid() || id >= Max || seen[id] {
				t.Errorf("class %d of %v and %v: province %v, isp %v, valid %v, seen %v", id, p, i, id.Province(), id.ISP(), id.Valid(), seen[id])
			}
			seen[id] = true
		}
	}
	if len(seen) != len(All()) || Of(0, Other) != 0 {
		t.Errorf("%d classes, All has %d; unknown is %d", len(seen), len(All()), Of(0, Other))
	}
	for _, bad := range []ID{7, 99 << ispBits, Max - 1, Of(44, CUCC) + 256<<ispBits} {
		if bad.Valid() {
			t.Errorf("class %d is valid", bad)
		}
	}
}

func TestParseProvince(t *testing.T) {
	tests := map[string]Province{
		"44": 44, "Guangdong": 44, "guangdong": 44, "广东": 44, "广东省": 44, "0": 0, "00": 0,
		"15": 15, "Inner Mongolia": 15, "inner-mongolia": 15, "内蒙古自治区": 15, "neimenggu": 15,
		"14": 14, "Shanxi": 14, "61": 61, "Shaanxi": 61, "北京市": 11, "新疆维吾尔自治区": 65, "香港特别行政区": 81, "Macau": 82, " 23 ": 23,
	}
	for in, want := range tests {
		if got, err := ParseProvince(in); err != nil || got != want {
			t.Errorf("ParseProvince(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "99", "-1", "256", "1", "Atlantis", "省", "广", "44 45"} {
		if got, err := ParseProvince(bad); err == nil {
			t.Errorf("ParseProvince(%q) = %v, want an error", bad, got)
		}
	}
}

func TestEveryNameReadsBack(t *testing.T) {
	for _, p := range Provinces() {
		for _, name := range []string{p.String(), p.Name(), p.Chinese(), p.Chinese() + "省"} {
			if got, err := ParseProvince(name); err != nil || got != p {
				t.Errorf("ParseProvince(%q) = %v, %v; want %v", name, got, err, p)
			}
		}
	}
	for _, i := range ISPs() {
		if got, err := ParseISP(i.String()); err != nil || got != i {
			t.Errorf("ParseISP(%q) = %v, %v", i, got, err)
		}
	}
	if _, err := ParseISP("AOL"); err == nil {
		t.Error("an unknown ISP was read")
	}
}
