package prefix

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"quicedge/internal/class"
	"quicedge/internal/csvfile"
)

var header = []string{"prefix", "province_id", "isp"}

// MaxPrefixes bounds a table; the kernel's maps are made for as many.
const MaxPrefixes = 1_000_000

// ParseCSV reads a prefix table with the columns prefix, province_id and isp. The name stands in errors, which give file, line
// and column. Prefixes may lie within each other, the longest wins; the same prefix twice is an error.
func ParseCSV(r io.Reader, name string) (*Table, error) {
	t := &Table{}
	var lines []int32
	err := ReadCSV(r, name, func(e Entry, in csvfile.Row) error {
		if !t.insert(e) {
			first := slices.IndexFunc(t.entries, func(other Entry) bool { return other.Prefix == e.Prefix })
			return in.Errorf(0, "prefix %s: given twice, first on line %d; remove one", e.Prefix, lines[first])
		}
		t.entries, lines = append(t.entries, e), append(lines, int32(in.Line))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// ReadCSV calls each for every row of a prefix table, which it does not keep, and goes on after an error of each as
// csvfile.Read does.
func ReadCSV(r io.Reader, name string, each func(Entry, csvfile.Row) error) error {
	classes := map[string]class.ID{} // by the text of both columns: a table has few classes and many rows
	return csvfile.Read(r, name, header, MaxPrefixes, func(in csvfile.Row) error {
		p, err := parsePrefix(in.Fields[0])
		if err != nil {
			return in.Errorf(0, "%w", err)
		}
		id, known := classes[in.Fields[1]+","+in.Fields[2]]
		if !known {
			if id, err = parseClass(in); err != nil {
				return err
			}
			classes[strings.Clone(in.Fields[1]+","+in.Fields[2])] = id
		}
		return each(Entry{Prefix: p, Class: id}, in)
	})
}

func parseClass(in csvfile.Row) (class.ID, error) {
	province, err := class.ParseProvince(in.Fields[1])
	if err != nil {
		return 0, in.Errorf(1, "%w", err)
	}
	isp, err := class.ParseISP(in.Fields[2])
	if err != nil {
		return 0, in.Errorf(2, "%w", err)
	}
	return class.Of(province, isp), nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("prefix %q: %s", s, howToWrite(s))
	case p.Addr().Is4In6():
		return p, fmt.Errorf("prefix %q: an IPv4 prefix in IPv6 form: write it as IPv4", s)
	case p != p.Masked():
		return p, fmt.Errorf("prefix %q: has bits set behind its length: did you mean %s?", s, p.Masked())
	}
	return p, nil
}

// howToWrite says what is wrong with a text that is no prefix.
func howToWrite(s string) string {
	address, length, hasLength := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil || addr.Zone() != "":
		return "write it as 198.51.100.0/24 or 2001:db8::/32"
	case hasLength:
		return fmt.Sprintf("its length is %q: use 0 to %d", length, addr.BitLen())
	}
	return fmt.Sprintf("without a length: for this address alone write %s/%d", addr, addr.BitLen())
}

// WriteCSV writes entries in the format that ParseCSV reads, in the order given.
func WriteCSV(w io.Writer, entries []Entry) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, strings.Join(header, ","))
	for _, e := range entries {
		fmt.Fprintf(out, "%s,%d,%s\n", e.Prefix, e.Class.Province(), e.Class.ISP())
	}
	return out.Flush()
}

// SaveCSV writes entries to a file, whole or not at all: see csvfile.Save.
func SaveCSV(name string, entries []Entry) error {
	return csvfile.Save(name, "prefixes", func(w io.Writer) error { return WriteCSV(w, entries) })
}
