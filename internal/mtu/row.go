package mtu

import (
	"fmt"
	"strconv"

	"quicedge/internal/class"
)

// Selector names the classes a row is for. A false Has means any.
type Selector struct {
	Province    class.Province
	HasProvince bool
	ISP         class.ISP
	HasISP      bool
}

// For selects one class.
func For(id class.ID) Selector {
	return Selector{Province: id.Province(), HasProvince: true, ISP: id.ISP(), HasISP: true}
}

// Covers reports whether the selector names a class.
func (s Selector) Covers(id class.ID) bool {
	return (!s.HasProvince || s.Province == id.Province()) && (!s.HasISP || s.ISP == id.ISP())
}

// specificity orders selectors: a province says more about a path than an ISP does.
func (s Selector) specificity() int {
	n := 0
	if s.HasProvince {
		n += 2
	}
	if s.HasISP {
		n++
	}
	return n
}

const (
	anyName     = "any"
	defaultName = "default"
)

// ParseSelector reads a province (code, name, Chinese name or "any") and an ISP (name or "any"). Empty is "any".
func ParseSelector(province, isp string) (Selector, error) {
	var s Selector
	var err error
	if province != "" && province != anyName {
		s.HasProvince = true
		if s.Province, err = class.ParseProvince(province); err != nil {
			return s, err
		}
	}
	if isp != "" && isp != anyName {
		s.HasISP = true
		if s.ISP, err = class.ParseISP(isp); err != nil {
			return s, err
		}
	}
	return s, nil
}

// ProvinceName returns the province as the CSV writes it.
func (s Selector) ProvinceName() string {
	if !s.HasProvince {
		return anyName
	}
	return s.Province.String()
}

// ISPName returns the ISP as the CSV writes it.
func (s Selector) ISPName() string {
	if !s.HasISP {
		return anyName
	}
	return s.ISP.String()
}

func (s Selector) String() string { return s.ProvinceName() + "/" + s.ISPName() }

// Row is a row of the table.
type Row struct {
	Selector
	MTU       uint16 // bytes
	Condition Condition
	Default   bool // the row for whatever no other row covers
	Line      int  // where it stands in its file, 0 for none
}

// ParseMTU reads an MTU in bytes and checks that QUIC fits it.
func ParseMTU(s string) (uint16, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("mtu %q: not a whole number of bytes", s)
	}
	return CheckMTU(int(n))
}

// CheckMTU returns n as an MTU, or an error that says which bound it breaks and why.
func CheckMTU(n int) (uint16, error) {
	switch {
	case n < Min:
		return 0, fmt.Errorf("mtu %d: under %d, the least that carries QUIC (1200 bytes of datagram and 48 of headers)", n, Min)
	case n > Max:
		return 0, fmt.Errorf("mtu %d: over %d, the largest jumbo frame", n, Max)
	}
	return uint16(n), nil
}

// record returns the row as the CSV writes it.
func (r Row) record() []string {
	province := r.ProvinceName()
	if r.Default {
		province = defaultName
	}
	return []string{province, r.ISPName(), strconv.Itoa(int(r.MTU)), r.Condition.String()}
}
