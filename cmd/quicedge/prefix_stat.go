package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// prefixStat is the JSON answer of prefix stat.
type prefixStat struct {
	APIVersion string       `json:"apiVersion"`
	File       string       `json:"file"`
	Format     string       `json:"format"`
	Prefixes   int          `json:"prefixes"`
	Addresses  uint64       `json:"ipv4_addresses"`
	Sites      float64      `json:"ipv6_48s"`
	IPv4       familyStat   `json:"ipv4"`
	IPv6       familyStat   `json:"ipv6"`
	Provinces  []coverCount `json:"provinces"`
	ISPs       []coverCount `json:"isps"`
	Classes    []coverCount `json:"classes"`
}

type familyStat struct {
	Prefixes int            `json:"prefixes"`
	Nested   int            `json:"nested"` // prefixes within others
	Depth    int            `json:"depth"`  // how many cover one address at most
	Lengths  map[string]int `json:"lengths"`
	Kernel   int            `json:"kernel_bytes"` // of the table that load makes; 0 where only a trie can hold it
}

// coverCount is what a class, or all of one province or of one ISP, has; the other name is then left out.
type coverCount struct {
	ProvinceID *int    `json:"province_id,omitempty"`
	Province   string  `json:"province,omitempty"`
	ISP        string  `json:"isp,omitempty"`
	Prefixes   int     `json:"prefixes"`
	IPv4       uint64  `json:"ipv4_addresses"`
	IPv6       float64 `json:"ipv6_48s"`
}

func (a *app) prefixStatCmd() *cobra.Command {
	var source prefixSource
	cmd := &cobra.Command{
		Use:   "stat FILE",
		Short: "Count the prefixes of a table and the addresses they cover",
		Long: `Reads any format that import takes. Addresses count for the class of their longest prefix; IPv6 is counted in /48 networks.

JSON fields: apiVersion file format prefixes ipv4_addresses ipv6_48s ipv4{} ipv6{} with prefixes nested depth lengths{} kernel_bytes; provinces[] isps[]
classes[] with province_id province isp prefixes ipv4_addresses ipv6_48s. kernel_bytes is what the kernel's table takes, twice
while it is replaced.`,
		Example: "  quicedge prefix stat prefixes.csv",
		Args:    cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	source.flags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		table, report, err := source.readOne(args[0], false)
		if err != nil {
			return err
		}
		a.warnAll(report.Warnings)
		v4, v6, err := table.KernelSize()
		if err != nil {
			a.warnAll([]string{err.Error()})
		}
		s := table.Stat()
		covered := s.Covered()
		out := prefixStat{
			path.APIVersion, args[0], report.Format.String(), len(table.Entries()), covered.IPv4, covered.IPv6, familyOf(s.IPv4, v4), familyOf(s.IPv6, v6),
			countBy(s, func(id class.ID) class.ID { return class.Of(id.Province(), 0) }, byProvince),
			countBy(s, func(id class.ID) class.ID { return class.Of(0, id.ISP()) }, byISP),
			countBy(s, func(id class.ID) class.ID { return id }, byProvince, byISP),
		}
		return a.print(out, func(w io.Writer) { statTable(w, out) })
	}
	return cmd
}

func familyOf(f prefix.Family, kernel int) familyStat {
	out := familyStat{f.Prefixes, f.Nested, f.Depth, map[string]int{}, kernel}
	for bits, n := range f.Lengths {
		if n > 0 {
			out.Lengths[strconv.Itoa(bits)] = n
		}
	}
	return out
}

func byProvince(c *coverCount, id class.ID) {
	p := int(id.Province())
	c.ProvinceID, c.Province = &p, id.Province().Name()
}

func byISP(c *coverCount, id class.ID) { c.ISP = id.ISP().String() }

// countBy sums up the classes that key makes one, in the order of their numbers.
func countBy(s prefix.Stat, key func(class.ID) class.ID, names ...func(*coverCount, class.ID)) []coverCount {
	sums := map[class.ID]*coverCount{}
	for _, id := range slices.Sorted(maps.Keys(s.Classes)) {
		k := key(id)
		if sums[k] == nil {
			sums[k] = &coverCount{}
			for _, name := range names {
				name(sums[k], k)
			}
		}
		sums[k].Prefixes += s.Classes[id].Prefixes
		sums[k].IPv4 += s.Classes[id].IPv4
		sums[k].IPv6 += s.Classes[id].IPv6
	}
	out := []coverCount{}
	for _, k := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, *sums[k])
	}
	return out
}

// sites writes a number of /48 networks, which are few or parts of one where prefixes are longer.
func sites(n float64) string {
	if n >= 100 || n == 0 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'g', 4, 64)
}

func statTable(w io.Writer, s prefixStat) {
	fmt.Fprintf(w, "%s (%s): %d prefixes cover %d IPv4 addresses and %s /48s of IPv6\n", s.File, s.Format, s.Prefixes, s.Addresses, sites(s.Sites))
	rowsOf(w, "FAMILY", "PREFIXES", "NESTED", "DEPTH", "IN THE KERNEL", "LENGTHS")
	for _, f := range []struct {
		name string
		familyStat
	}{{"IPv4", s.IPv4}, {"IPv6", s.IPv6}} {
		cells(w, f.name, f.Prefixes, f.Nested, f.Depth, kernelCell(f.Kernel), lengths(f.Lengths))
	}
	rowsOf(w, "ISP", "PREFIXES", "IPV4 ADDRESSES", "IPV6 /48S")
	for _, c := range s.ISPs {
		cells(w, c.ISP, c.Prefixes, c.IPv4, sites(c.IPv6))
	}
	rowsOf(w, "PROVINCE", "PREFIXES", "IPV4 ADDRESSES", "IPV6 /48S")
	for _, c := range s.Provinces {
		cells(w, provinceCell(class.Province(*c.ProvinceID)), c.Prefixes, c.IPv4, sites(c.IPv6))
	}
}

func kernelCell(n int) string {
	if n == 0 {
		return "-"
	}
	return mebibytes(uint64(n))
}

// lengths writes how many prefixes have which length, such as /16:3 /24:120.
func lengths(n map[string]int) string {
	text := ""
	for bits := range 129 {
		if count := n[strconv.Itoa(bits)]; count > 0 {
			text += fmt.Sprintf("/%d:%d ", bits, count)
		}
	}
	if text == "" {
		return "-"
	}
	return text[:len(text)-1]
}
