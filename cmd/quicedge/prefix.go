package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"quicedge/internal/class"
	"quicedge/internal/prefix"
	"quicedge/internal/prefix/importer"
)

func (a *app) prefixCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prefix",
		Short: "Make, look into and compare tables of prefixes",
		Args:  needsVerb("import, stat, lookup or diff"),
		RunE:  func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.prefixImportCmd(), a.prefixStatCmd(), a.prefixLookupCmd(), a.prefixDiffCmd())
	return cmd
}

// prefixSource is how files with prefixes are read.
type prefixSource struct {
	format, isps, onConflict string
	all                      bool
}

func (s *prefixSource) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.format, "format", "auto", "auto, csv, mmdb or ip2region")
	cmd.Flags().StringVar(&s.isps, "isp-db", "", "a second MMDB that gives the ISPs, such as GeoLite2-ASN.mmdb")
	cmd.Flags().StringVar(&s.onConflict, "on-conflict", "error", "what a prefix is that rows of a CSV give two classes: error, first, last or other")
	cmd.Flags().BoolVar(&s.all, "all", false, "keep networks outside China too, in province 0")
}

func (s *prefixSource) read(name string, aggregate bool) (*prefix.Table, importer.Report, error) {
	opt := importer.Options{ISPs: s.isps, All: s.all, Aggregate: aggregate}
	var err error
	if opt.Format, err = importer.ParseFormat(s.format); err != nil {
		return nil, importer.Report{}, usageError{err}
	}
	if opt.OnConflict, err = importer.ParseConflict(s.onConflict); err != nil {
		return nil, importer.Report{}, usageError{err}
	}
	return importer.Read(name, opt)
}

// readOne reads the one file that a command is about.
func (s *prefixSource) readOne(name string, aggregate bool) (*prefix.Table, importer.Report, error) {
	table, report, err := s.read(name, aggregate)
	if err != nil {
		return nil, report, err
	}
	return table, report, s.checkISPs(report)
}

// checkISPs refuses --isp-db where no file that was read is an MMDB.
func (s *prefixSource) checkISPs(reports ...importer.Report) error {
	isMMDB := func(r importer.Report) bool { return r.Format == importer.MMDB }
	if s.isps != "" && !slices.ContainsFunc(reports, isMMDB) {
		return usageError{errors.New("--isp-db gives the ISPs of an MMDB: the file is none")}
	}
	return nil
}

func provinceCell(p class.Province) string { return fmt.Sprintf("%s %s %s", p, p.Name(), p.Chinese()) }

// warnAll prints what an operator should look at.
func (a *app) warnAll(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(a.stderr, "warning: "+w)
	}
}

// rowsOf heads a table of its own within a longer output.
func rowsOf(w io.Writer, titles ...any) {
	fmt.Fprintln(w)
	cells(w, titles...)
}
