package class

import (
	"fmt"
	"strings"
)

// ISP is an Internet service provider. The zero value is Other.
type ISP uint8

// The ISPs that have classes of their own.
const (
	Other  ISP = iota // any other, and unknown
	CMCC              // China Mobile
	CUCC              // China Unicom
	CTCC              // China Telecom
	CBN               // China Broadcasting Network
	CERNET            // China Education and Research Network
	ispCount
)

var ispNames = [ispCount]string{"OTHER", "CMCC", "CUCC", "CTCC", "CBN", "CERNET"}

// ISPs returns every ISP, Other first.
func ISPs() []ISP { return []ISP{Other, CMCC, CUCC, CTCC, CBN, CERNET} }

// Valid reports whether i is one of ISPs.
func (i ISP) Valid() bool { return i < ispCount }

func (i ISP) String() string {
	if !i.Valid() {
		return fmt.Sprintf("ISP(%d)", uint8(i))
	}
	return ispNames[i]
}

// ParseISP reads an ISP's short name in any case.
func ParseISP(s string) (ISP, error) {
	for i, name := range ispNames {
		if strings.EqualFold(s, name) {
			return ISP(i), nil
		}
	}
	return Other, fmt.Errorf("unknown isp %q: use one of %s", s, strings.Join(ispNames[:], ", "))
}
