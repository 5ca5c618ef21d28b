package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/path"
	"quicedge/internal/prefix"
	"quicedge/internal/prefix/importer"
)

// imported is the JSON answer of prefix import.
type imported struct {
	APIVersion string   `json:"apiVersion"`
	File       string   `json:"file"`
	Format     string   `json:"format"`
	Rows       int      `json:"rows"`
	Kept       int      `json:"kept"`
	LeftOut    leftOut  `json:"left_out"`
	Conflicts  int      `json:"conflicts"`
	Aggregated int      `json:"aggregated"`
	Prefixes   int      `json:"prefixes"`
	Out        string   `json:"out"`
	Warnings   []string `json:"warnings"`
}

type leftOut struct {
	Foreign    int `json:"foreign"`
	NoCountry  int `json:"no_country"`
	Duplicates int `json:"duplicates"`
}

func (a *app) prefixImportCmd() *cobra.Command {
	var source prefixSource
	var out string
	aggregate := true
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make a prefix table of an MMDB, of ip2region text or of a CSV",
		Long: `Writes the table that load, run and check take with --prefixes, sorted: to --out, or to standard output. What it read and left
out is reported on standard output with --out, else on standard error. With --out the file is replaced as a whole or not at all.

FILE is an MMDB (GeoLite2, GeoIP2, DB-IP, IPinfo), ip2region text in UTF-8 (start|end|country|region|province|city|isp), or a
CSV with the columns prefix, province_id and isp. Networks outside China are left out; Hong Kong, Macao and Taiwan are provinces.

JSON fields: apiVersion file format rows kept left_out{foreign no_country duplicates} conflicts aggregated prefixes out warnings.`,
		Example: `  quicedge prefix import GeoLite2-City.mmdb --isp-db GeoLite2-ASN.mmdb --out prefixes.csv
  quicedge prefix import ip.merge.txt > prefixes.csv`,
		Args: cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	source.flags(cmd)
	cmd.Flags().BoolVar(&aggregate, "aggregate", true, "make the fewest prefixes that answer alike")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default standard output)")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		table, report, err := source.readOne(args[0], aggregate)
		if err != nil {
			return err
		}
		if report.Prefixes == 0 {
			return nothingKept(args[0], report)
		}
		entries := prefix.Sorted(table.Entries())
		if out == "" {
			err = prefix.WriteCSV(a.stdout, entries)
		} else {
			err = prefix.SaveCSV(out, entries)
		}
		if err != nil {
			return err
		}
		return a.reportImport(args[0], out, report)
	}
	return cmd
}

// nothingKept refuses a table without prefixes: it would take the place of one that has some.
func nothingKept(file string, r importer.Report) error {
	why := "is this the right file?"
	if r.Foreign > 0 {
		why = "all that it names lie outside China; --all keeps them"
	} else if r.NoCountry > 0 {
		why = "none has a country, or an ISP that is known; --all keeps them"
	}
	return fmt.Errorf("%s: no prefixes for a table in %d rows: %s", file, r.Rows, why)
}

func (a *app) reportImport(file, out string, r importer.Report) error {
	to := *a
	if out == "" {
		to.stdout = a.stderr // standard output has the table
	}
	answer := imported{
		path.APIVersion, file, r.Format.String(), r.Rows, r.Kept,
		leftOut{r.Foreign, r.NoCountry, r.Duplicates},
		r.Conflicts,
		r.Aggregated, r.Prefixes, out, append([]string{}, r.Warnings...),
	}
	return to.print(answer, func(w io.Writer) {
		a.warnAll(r.Warnings)
		fmt.Fprintf(w, "%s (%s): %d rows, %d kept\n", file, r.Format, r.Rows, r.Kept)
		for _, line := range []struct {
			n    int
			what string
		}{
			{r.Foreign, "left out: outside China"},
			{r.NoCountry, "left out: of no country"},
			{r.Duplicates, "left out: given before"},
			{r.Conflicts, "given another class before, settled by --on-conflict"},
			{r.Aggregated, "prefixes fewer by joining those of one class"},
		} {
			if line.n > 0 {
				fmt.Fprintf(w, "  %d %s\n", line.n, line.what)
			}
		}
		fmt.Fprintf(w, "%d prefixes", r.Prefixes)
		if out != "" {
			fmt.Fprintf(w, " written to %s", out)
		}
		fmt.Fprintln(w)
	})
}
