package main

import (
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"

	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

// prefixAnswer is public: fields are added, never renamed.
type prefixAnswer struct {
	Address string `json:"address"`
	Prefix  string `json:"prefix"` // "" where none covers the address
	classNames
}

func (a *app) prefixLookupCmd() *cobra.Command {
	var source prefixSource
	cmd := &cobra.Command{
		Use:   "lookup FILE ADDR...",
		Short: "Tell the classes of addresses by a file, without the kernel",
		Long: `Reads any format that import takes. quicedge lookup asks the tables that are loaded.

JSON fields: apiVersion file answers[]{address prefix province_id province province_zh isp class}.`,
		Example: "  quicedge prefix lookup GeoLite2-City.mmdb 198.51.100.7 2001:db8::1",
		Args:    cobra.MinimumNArgs(2),
	}
	a.outputFlag(cmd)
	source.flags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		addrs := make([]netip.Addr, len(args)-1)
		for i, text := range args[1:] {
			var err error
			if addrs[i], err = netip.ParseAddr(text); err != nil {
				return usageError{fmt.Errorf("address %q: write an IPv4 or IPv6 address, such as 198.51.100.7", text)}
			}
		}
		table, report, err := source.readOne(args[0], false)
		if err != nil {
			return err
		}
		a.warnAll(report.Warnings)
		out := struct {
			APIVersion string         `json:"apiVersion"`
			File       string         `json:"file"`
			Answers    []prefixAnswer `json:"answers"`
		}{path.APIVersion, args[0], answers(table, addrs)}
		return a.print(out, func(w io.Writer) { answersTable(w, out.Answers) })
	}
	return cmd
}

func answers(table *prefix.Table, addrs []netip.Addr) []prefixAnswer {
	out := make([]prefixAnswer, len(addrs))
	for i, addr := range addrs {
		p, id, ok := table.Lookup(addr)
		out[i] = prefixAnswer{Address: addr.String(), classNames: namesOf(id)}
		if ok {
			out[i].Prefix = p.String()
		}
	}
	return out
}

func answersTable(w io.Writer, answers []prefixAnswer) {
	cells(w, "ADDRESS", "PREFIX", "PROVINCE", "ISP", "CLASS")
	for _, a := range answers {
		prefix := a.Prefix
		if prefix == "" {
			prefix = "-"
		}
		cells(w, a.Address, prefix, fmt.Sprintf("%02d %s %s", a.ProvinceID, a.Province, a.ProvinceZH), a.ISP, a.Class)
	}
}
