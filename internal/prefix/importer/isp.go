package importer

import (
	"slices"
	"strings"
	"unicode"

	"quicedge/internal/class"
)

// asnRange is the numbers from first to last.
type asnRange struct {
	first, last uint32
	isp         class.ISP
}

// asns are the networks whose ISP their number tells: the backbones, and those of provinces whose registered name does not
// name the ISP. All others go by the name of their organisation. In order.
var asns = []asnRange{
	{4134, 4134, class.CTCC},     // CHINANET
	{4538, 4538, class.CERNET},   // CERNET
	{4789, 4789, class.CERNET},   // CERNET, Beijing
	{4808, 4808, class.CUCC},     // China169, Beijing
	{4809, 4809, class.CTCC},     // CN2
	{4811, 4813, class.CTCC},     // Shanghai, Guangdong
	{4814, 4814, class.CUCC},     // China169
	{4816, 4816, class.CTCC},     // Guangdong, data centres
	{4835, 4835, class.CTCC},     // data centres
	{4837, 4837, class.CUCC},     // China169
	{4847, 4847, class.CTCC},     // Beijing
	{7641, 7641, class.CBN},      // China Broadcasting TV Net
	{9231, 9231, class.CMCC},     // Hong Kong
	{9394, 9395, class.CMCC},     // Tietong
	{9800, 9800, class.CUCC},     // the former Unicom network
	{9808, 9808, class.CMCC},     // CMNET
	{9929, 9929, class.CUCC},     // China Unicom Industrial Internet
	{10099, 10099, class.CUCC},   // Hong Kong and abroad
	{17621, 17623, class.CUCC},   // Shanghai, Guangzhou, Shenzhen
	{17633, 17633, class.CTCC},   // Shandong
	{17638, 17638, class.CTCC},   // Tianjin
	{17799, 17799, class.CTCC},   // Liaoning
	{17816, 17816, class.CUCC},   // Guangdong
	{17897, 17897, class.CTCC},   // Heilongjiang
	{23650, 23650, class.CTCC},   // Jiangsu
	{23724, 23724, class.CTCC},   // data centres
	{23764, 23764, class.CTCC},   // China Telecom Global
	{23910, 23911, class.CERNET}, // CERNET2
	{24138, 24138, class.CMCC},   // Tietong
	{24348, 24372, class.CERNET}, // CERNET2, by city
	{24400, 24400, class.CMCC},   // Shanghai
	{24444, 24445, class.CMCC},   // Shandong, Henan
	{24547, 24547, class.CMCC},   // Hebei
	{38019, 38019, class.CMCC},   // Tianjin
	{38283, 38283, class.CTCC},   // Sichuan, data centres
	{38370, 38370, class.CMCC},   // Tietong
	{45057, 45057, class.CMCC},   // Tietong, Shandong
	{56040, 56048, class.CMCC},   // Guangdong, Zhejiang, Shanxi, Liaoning, Jiangsu, Hunan, Beijing
	{58453, 58453, class.CMCC},   // China Mobile International
	{58461, 58461, class.CTCC},   // Hangzhou, data centres
	{58466, 58466, class.CTCC},   // Guangdong
	{58807, 58807, class.CMCC},   // China Mobile International
	{63835, 63835, class.CTCC},   // Hunan
	{63838, 63838, class.CTCC},   // Hunan
	{132510, 132510, class.CMCC}, // Shanxi
	{132525, 132525, class.CMCC}, // Heilongjiang
	{134810, 134810, class.CMCC}, // Jilin
}

// ispWords are words in the names of organisations. Those that are common elsewhere count in networks of China alone.
var ispWords = []struct {
	words   string
	isp     class.ISP
	inChina bool
}{
	{"cernet", class.CERNET, false},
	{"cernet2", class.CERNET, false},
	{"cngi cernet2", class.CERNET, false},
	{"education and research network", class.CERNET, true},
	{"chinanet", class.CTCC, false},
	{"china telecom", class.CTCC, false},
	{"chinatelecom", class.CTCC, false},
	{"china unicom", class.CUCC, false},
	{"chinaunicom", class.CUCC, false},
	{"china169", class.CUCC, false},
	{"china united network", class.CUCC, false},
	{"china netcom", class.CUCC, false},
	{"cncgroup", class.CUCC, false},
	{"cnc group", class.CUCC, true},
	{"unicom", class.CUCC, true},
	{"china mobile", class.CMCC, false},
	{"chinamobile", class.CMCC, false},
	{"cmnet", class.CMCC, false},
	{"cmcc", class.CMCC, false},
	{"tietong", class.CMCC, false},
	{"china railway telecom", class.CMCC, false},
	{"china broadnet", class.CBN, false},
	{"china broadcasting", class.CBN, false},
	{"broadcasting", class.CBN, true},
	{"cbn", class.CBN, true},
	{"cbnet", class.CBN, true},
}

// chineseISPs are names without 中国 in front. The former Netcom is Unicom now, the former Tietong is Mobile.
var chineseISPs = map[string]class.ISP{
	"电信": class.CTCC, "联通": class.CUCC, "网通": class.CUCC, "移动": class.CMCC, "铁通": class.CMCC,
	"教育网": class.CERNET, "教育和科研计算机网": class.CERNET, "广电": class.CBN, "广电网": class.CBN, "广播电视网络": class.CBN,
}

// ispOfASN returns the ISP of a network's number, Other where the number alone does not tell.
func ispOfASN(asn uint32) class.ISP {
	at, found := slices.BinarySearchFunc(asns, asn, func(r asnRange, asn uint32) int {
		switch {
		case r.last < asn:
			return -1
		case r.first > asn:
			return 1
		}
		return 0
	})
	if !found {
		return class.Other
	}
	return asns[at].isp
}

// ispOfName returns the ISP that a name in Chinese or English tells, Other for any other. A name of two ISPs, such as
// 电信/联通, is of neither.
func ispOfName(name string, inChina bool) class.ISP {
	short := strings.TrimPrefix(strings.TrimSpace(name), "中国")
	if isp, ok := chineseISPs[short]; ok {
		return isp
	}
	if strings.HasSuffix(short, "广电") && !strings.ContainsAny(short, "/,;、") {
		return class.CBN // a province's, such as 云南广电
	}
	words := " " + strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), " ") + " "
	for _, w := range ispWords {
		if (inChina || !w.inChina) && strings.Contains(words, " "+w.words+" ") {
			return w.isp
		}
	}
	return class.Other
}
