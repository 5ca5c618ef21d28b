package prefix

import (
	"fmt"
	"io"
	"net/netip"

	"quicedge/internal/class"
	"quicedge/internal/csvfile"
)

var header = []string{"prefix", "province_id", "isp"}

// MaxPrefixes bounds a table; the kernel's maps are made for as many.
const MaxPrefixes = 1_000_000

// ParseCSV reads a prefix table with the columns prefix, province_id and isp. The name stands in errors, which give file, line
// and column. Prefixes may lie within each other, the longest wins; the same prefix twice is an error.
func ParseCSV(r io.Reader, name string) (*Table, error) {
	var entries []Entry
	seen := map[netip.Prefix]int{}
	err := csvfile.Read(r, name, header, MaxPrefixes, func(in csvfile.Row) error {
		e, err := parseEntry(in)
		if err != nil {
			return err
		}
		if line, taken := seen[e.Prefix]; taken {
			return in.Errorf(0, "prefix %s: given twice, first on line %d; remove one", e.Prefix, line)
		}
		seen[e.Prefix] = in.Line
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return New(entries)
}

func parseEntry(in csvfile.Row) (Entry, error) {
	p, err := parsePrefix(in.Fields[0])
	if err != nil {
		return Entry{}, in.Errorf(0, "%w", err)
	}
	province, err := class.ParseProvince(in.Fields[1])
	if err != nil {
		return Entry{}, in.Errorf(1, "%w", err)
	}
	isp, err := class.ParseISP(in.Fields[2])
	if err != nil {
		return Entry{}, in.Errorf(2, "%w", err)
	}
	return Entry{Prefix: p, Class: class.Of(province, isp)}, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("prefix %q: write it as 198.51.100.0/24 or 2001:db8::/32", s)
	case p.Addr().Is4In6():
		return p, fmt.Errorf("prefix %q: an IPv4 prefix in IPv6 form: write it as IPv4", s)
	case p != p.Masked():
		return p, fmt.Errorf("prefix %q: has bits set behind its length: did you mean %s?", s, p.Masked())
	}
	return p, nil
}
