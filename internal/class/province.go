package class

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Province is the two-digit code of GB/T 2260 (11 Beijing ... 82 Macao); 0 stands for unknown.
type Province uint8

type provinceName struct {
	code          Province
	name, chinese string
}

var provinces = []provinceName{
	{11, "Beijing", "北京"},
	{12, "Tianjin", "天津"},
	{13, "Hebei", "河北"},
	{14, "Shanxi", "山西"},
	{15, "Inner Mongolia", "内蒙古"},
	{21, "Liaoning", "辽宁"},
	{22, "Jilin", "吉林"},
	{23, "Heilongjiang", "黑龙江"},
	{31, "Shanghai", "上海"},
	{32, "Jiangsu", "江苏"},
	{33, "Zhejiang", "浙江"},
	{34, "Anhui", "安徽"},
	{35, "Fujian", "福建"},
	{36, "Jiangxi", "江西"},
	{37, "Shandong", "山东"},
	{41, "Henan", "河南"},
	{42, "Hubei", "湖北"},
	{43, "Hunan", "湖南"},
	{44, "Guangdong", "广东"},
	{45, "Guangxi", "广西"},
	{46, "Hainan", "海南"},
	{50, "Chongqing", "重庆"},
	{51, "Sichuan", "四川"},
	{52, "Guizhou", "贵州"},
	{53, "Yunnan", "云南"},
	{54, "Xizang", "西藏"},
	{61, "Shaanxi", "陕西"},
	{62, "Gansu", "甘肃"},
	{63, "Qinghai", "青海"},
	{64, "Ningxia", "宁夏"},
	{65, "Xinjiang", "新疆"},
	{71, "Taiwan", "台湾"},
	{81, "Hong Kong", "香港"},
	{82, "Macao", "澳门"},
}

// aliases are other spellings in common use, in the folded form of fold.
var aliases = map[string]Province{"neimenggu": 15, "neimongol": 15, "tibet": 54, "xianggang": 81, "aomen": 82, "macau": 82}

// byName finds a province by its Chinese name and by its folded Latin ones.
var byName = indexNames()

func indexNames() map[string]Province {
	names := maps.Clone(aliases)
	for _, n := range provinces {
		names[n.chinese], names[fold(n.name)] = n.code, n.code
	}
	return names
}

// suffixes end the full Chinese names of provinces, longest first.
var suffixes = []string{"维吾尔自治区", "壮族自治区", "回族自治区", "特别行政区", "自治区", "省", "市"}

// Provinces returns every province in the order of its code, without 0.
func Provinces() []Province {
	all := make([]Province, len(provinces))
	for i, p := range provinces {
		all[i] = p.code
	}
	return all
}

func (p Province) find() (provinceName, bool) {
	for _, n := range provinces {
		if n.code == p {
			return n, true
		}
	}
	return provinceName{code: p, name: "unknown", chinese: "未知"}, false
}

// Valid reports whether p is a code of GB/T 2260 or 0.
func (p Province) Valid() bool {
	_, ok := p.find()
	return ok || p == 0
}

// String returns the two-digit code, "00" for unknown.
func (p Province) String() string { return fmt.Sprintf("%02d", uint8(p)) }

// Name returns the name in Latin letters, "unknown" for 0 and for codes that no province has.
func (p Province) Name() string { n, _ := p.find(); return n.name }

// Chinese returns the short Chinese name, "未知" for 0 and for codes that no province has.
func (p Province) Chinese() string { n, _ := p.find(); return n.chinese }

var unspaced = strings.NewReplacer(" ", "", "-", "", "'", "")

// fold makes spellings comparable: "Hei Long-jiang" and "heilongjiang" are one.
func fold(s string) string {
	return strings.ToLower(unspaced.Replace(s))
}

// ParseProvince reads a province as its code ("44"), its name in Latin letters ("Guangdong", "inner-mongolia") or its Chinese
// name, short or full ("广东", "广东省"). "0" and "00" are the unknown province.
func ParseProvince(s string) (Province, error) {
	s = strings.TrimSpace(s)
	if code, err := strconv.ParseUint(s, 10, 8); err == nil {
		if p := Province(code); p.Valid() {
			return p, nil
		}
		return 0, fmt.Errorf("unknown province %q: no such code in GB/T 2260 (11 Beijing ... 65 Xinjiang, 71, 81, 82)", s)
	}
	short := s
	for _, suffix := range suffixes {
		if cut, ok := strings.CutSuffix(short, suffix); ok && cut != "" {
			short = cut
			break
		}
	}
	if p, ok := byName[fold(short)]; ok {
		return p, nil
	}
	return 0, fmt.Errorf("unknown province %q: give its GB/T 2260 code (44), its name (Guangdong) or its Chinese name (广东)", s)
}
