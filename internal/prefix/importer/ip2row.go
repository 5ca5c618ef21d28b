package importer

import (
	"fmt"
	"net/netip"
	"strings"

	"quicedge/internal/class"
)

// place is what the names of a row say. Many rows say the same.
type place struct {
	id   class.ID
	keep keep
}

// keep is whether a row is kept.
type keep int

const (
	kept keep = iota
	foreign
	noCountry
)

// maxPlaces bounds how many are remembered.
const maxPlaces = 1 << 16

// rowRange is the addresses of a row.
type rowRange struct {
	first, last netip.Addr
	line        int
}

// errorf makes an error about a field, counted from 0. Columns count bytes, as those of CSV do.
func (r *ip2region) errorf(fields []string, field int, format string, args ...any) error {
	column := 1
	for _, f := range fields[:field] {
		column += len(f) + 1
	}
	return fmt.Errorf("%s:%d:%d: %w", r.name, r.line, column, fmt.Errorf(format, args...))
}

func (r *ip2region) row(text string) error {
	fields := strings.Split(text, "|")
	if len(fields) != 6 && len(fields) != 7 {
		return r.errorf(fields, 0, "%d fields, want start|end|country|region|province|city|isp", len(fields))
	}
	if i := strings.IndexFunc(text, func(c rune) bool { return c < ' ' && c != '\t' }); i >= 0 {
		return fmt.Errorf("%s:%d:%d: a control character: is this text?", r.name, r.line, i+1)
	}
	addrs, err := r.addresses(fields)
	if err != nil {
		return err
	}
	names := text[len(fields[0])+len(fields[1])+2:]
	at, known := r.places[names]
	if !known {
		if at, err = r.place(fields); err != nil {
			return err
		}
		if len(r.places) >= maxPlaces {
			clear(r.places)
		}
		r.places[strings.Clone(names)] = at
	}
	return r.keep(addrs, at)
}

func (r *ip2region) keep(addrs rowRange, at place) error {
	switch at.keep {
	case foreign:
		r.report.Foreign++
		return nil
	case noCountry:
		r.report.NoCountry++
		return nil
	}
	r.report.Kept++
	if len(r.errs.errs) > 0 {
		return nil // nothing will come of it: only errors count now
	}
	return r.out.add(addrs.first, addrs.last, at.id)
}

func (r *ip2region) addresses(fields []string) (rowRange, error) {
	at := rowRange{line: r.line}
	for i, to := range []*netip.Addr{&at.first, &at.last} {
		a, err := netip.ParseAddr(strings.TrimSpace(fields[i]))
		if err != nil || a.Zone() != "" {
			return at, r.errorf(fields, i, "address %q: write it as 198.51.100.0 or 2001:db8::", fields[i])
		}
		if a.Is4In6() {
			return at, r.errorf(fields, i, "address %q: an IPv4 address in IPv6 form: write it as IPv4", fields[i])
		}
		*to = a
	}
	if at.first.BitLen() != at.last.BitLen() || at.last.Less(at.first) {
		return at, r.errorf(fields, 1, "end %s: before the start %s", at.last, at.first)
	}
	before := &r.before[at.first.BitLen()/128]
	if before.line > 0 && !before.last.Less(at.first) {
		if before.first.Compare(at.last) <= 0 {
			return at, r.errorf(fields, 0, "%s to %s: overlaps %s to %s on line %d", at.first, at.last, before.first, before.last, before.line)
		}
		return at, r.errorf(fields, 0, "%s to %s: comes before line %d: sort the file by address", at.first, at.last, before.line)
	}
	*before = at
	return at, nil
}

// place reads the names of a row.
func (r *ip2region) place(fields []string) (place, error) {
	province, inChina := chinese(fields[2])
	region, isp := namesOf(fields, inChina)
	switch {
	case inChina:
	case r.opt.All:
		return place{id: class.Of(0, ispOfName(fields[isp], false))}, nil
	case nothing(strings.TrimSpace(fields[2])):
		return place{keep: noCountry}, nil
	default:
		return place{keep: foreign}, nil
	}
	if name := strings.TrimSpace(fields[region]); province == 0 && !nothing(name) {
		var known bool
		if province, known = parseRegion(name); !known {
			return place{}, r.errorf(fields, region, "unknown province %q: write it as 广东 or 广东省, or 0 where it is not known", name)
		}
	}
	return place{id: class.Of(province, ispOfName(fields[isp], true))}, nil
}

// namesOf finds the fields of the province and of the ISP. Of seven fields the last is the country's code where it is one of
// two capital letters; in China, where ISPs have names like 电信, one of China's.
func namesOf(fields []string, inChina bool) (region, isp int) {
	if len(fields) == 6 {
		return 3, 5
	}
	code := strings.TrimSpace(fields[6])
	_, ours := countryProvinces[code]
	if len(code) == 2 && (ours || !inChina && code == strings.ToUpper(code) && code[0] >= 'A') {
		return 3, 5
	}
	return 4, 6
}
