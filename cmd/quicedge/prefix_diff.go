package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/path"
	"quicedge/internal/prefix"
	"quicedge/internal/prefix/importer"
)

// prefixDiff is the JSON answer of prefix diff.
type prefixDiff struct {
	APIVersion string         `json:"apiVersion"`
	Old        string         `json:"old"`
	New        string         `json:"new"`
	Added      int            `json:"added"`
	Removed    int            `json:"removed"`
	Changed    int            `json:"changed"`
	IPv4Moved  uint64         `json:"ipv4_addresses_moved"`
	IPv6Moved  float64        `json:"ipv6_48s_moved"`
	Changes    []prefixChange `json:"changes"` // the first --limit of them
}

type prefixChange struct {
	Prefix string `json:"prefix"`
	Change string `json:"change"` // added, removed or changed
	Old    string `json:"old"`    // class, such as 44/CUCC; "" of an added prefix
	New    string `json:"new"`
}

func (a *app) prefixDiffCmd() *cobra.Command {
	var source prefixSource
	limit := 50
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Tell which prefixes were added, removed or given another class",
		Long: `Reads any format that import takes. Tables with other prefixes may answer alike: addresses that change class are counted too.

Exit codes, as diff has them: 0 both have the same prefixes of the same classes, 1 they differ, 2 a file cannot be read (4 where
that is not permitted), or wrong usage.

JSON fields: apiVersion old new added removed changed ipv4_addresses_moved ipv6_48s_moved changes[]{prefix change old new}.`,
		Example: "  quicedge prefix diff prefixes.csv new.csv --limit 10",
		Args:    cobra.ExactArgs(2),
	}
	a.outputFlag(cmd)
	source.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "how many changes to list; 0 lists all")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if limit < 0 {
			return usageError{fmt.Errorf("limit %d: use 0 or more", limit)}
		}
		var tables [2]*prefix.Table
		var reports [2]importer.Report
		for i, name := range args {
			var err error
			if tables[i], reports[i], err = source.read(name, false); err != nil {
				return noAnswer(err)
			}
			a.warnAll(reports[i].Warnings)
		}
		if err := source.checkISPs(reports[:]...); err != nil {
			return err
		}
		out := diffOf(args[0], args[1], prefix.Diff(tables[0], tables[1]), limit)
		if err := a.print(out, func(w io.Writer) { diffTable(w, out) }); err != nil {
			return noAnswer(err)
		}
		if out.total() > 0 {
			return fmt.Errorf("%s and %s differ", args[0], args[1])
		}
		return nil
	}
	return cmd
}

// noAnswer keeps an error that is not an answer from looking like one: 1 is that files differ.
func noAnswer(err error) error {
	if exitCode(err) == exitFailed {
		return usageError{err}
	}
	return err
}

func (d prefixDiff) total() int { return d.Added + d.Removed + d.Changed }

func diffOf(from, to string, d prefix.Difference, limit int) prefixDiff {
	out := prefixDiff{path.APIVersion, from, to, d.Added, d.Removed, d.Changed, d.IPv4Moved, d.IPv6Moved, []prefixChange{}}
	for _, c := range d.Changes {
		if limit > 0 && len(out.Changes) == limit {
			break
		}
		row := prefixChange{c.Prefix.String(), "changed", c.Old.String(), c.New.String()}
		switch {
		case c.Added:
			row.Change, row.Old = "added", ""
		case c.Removed:
			row.Change, row.New = "removed", ""
		}
		out.Changes = append(out.Changes, row)
	}
	return out
}

func diffTable(w io.Writer, d prefixDiff) {
	sign := map[string]string{"added": "+", "removed": "-", "changed": "~"}
	for _, c := range d.Changes {
		switch c.Change {
		case "changed":
			cells(w, sign[c.Change]+" "+c.Prefix, c.Old+" -> "+c.New)
		default:
			cells(w, sign[c.Change]+" "+c.Prefix, c.Old+c.New)
		}
	}
	if more := d.total() - len(d.Changes); more > 0 {
		fmt.Fprintf(w, "and %d more (--limit 0 lists all)\n", more)
	}
	fmt.Fprintf(w, "%d added, %d removed, %d changed; %d IPv4 addresses and %s /48s of IPv6 change class\n", d.Added, d.Removed, d.Changed, d.IPv4Moved, sites(d.IPv6Moved))
}
