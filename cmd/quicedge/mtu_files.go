package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"quicedge/internal/csvfile"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

func (a *app) mtuExportCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "export [--out FILE.csv]",
		Short:   "Write the overrides as CSV",
		Example: "  quicedge mtu export --out overrides.csv",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write, in place of standard output")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := a.layers(cmd)
		if err != nil {
			return err
		}
		return a.writeTable(l.Overrides, out)
	}
	return cmd
}

// writeTable writes a table to a file or to standard output. A file is there whole or not at all.
func (a *app) writeTable(t *mtu.Table, name string) error {
	if name == "" {
		return t.Write(a.stdout)
	}
	return csvfile.Save(name, "table", t.Write)
}

// mtuImport is the JSON answer of mtu import.
type mtuImport struct {
	APIVersion string `json:"apiVersion"`
	Rows       int    `json:"rows"`    // of the file
	Applied    string `json:"applied"` // node, kernel or saved
	Changed    int    `json:"changed"` // entries of the kernel's tables that were written
}

func (a *app) mtuImportCmd() *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Take overrides from a CSV, at once and for good",
		Long: `Reads rows of province_id,isp,mtu,condition (conditions and a default row belong into the table) and puts them into the overrides: a row for
the same classes is replaced, others stay. With --replace they stay not. A file with one wrong row changes nothing. "-" is standard input.`,
		Example: "  quicedge mtu export | ssh node2 quicedge mtu import - --replace",
		Args:    cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "drop the overrides that the file does not have")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		rows, err := a.readOverrides(args[0])
		if err != nil {
			return err
		}
		state := statedir.At(cfg.StateDir)
		err = state.UpdateOverrides(func(t *mtu.Table) (*mtu.Table, error) {
			if replace {
				return rows, nil
			}
			for _, r := range rows.Rows() {
				t = t.With(r.Selector, r.MTU)
			}
			return t, nil
		})
		if err != nil {
			return err
		}
		out := mtuImport{APIVersion: path.APIVersion, Rows: len(rows.Rows())}
		if out.Applied, out.Changed, err = putInForce(cmd.Context(), cfg, state); err != nil {
			return fmt.Errorf("the overrides are saved, but may not be in force: %w", err)
		}
		return a.print(out, func(w io.Writer) { fmt.Fprintf(w, "%d overrides saved; %s\n", out.Rows, appliedText[out.Applied]) })
	}
	return cmd
}

func (a *app) readOverrides(name string) (*mtu.Table, error) {
	if name == "-" {
		return mtu.ParseOverrides(a.stdin, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	defer f.Close()
	return mtu.ParseOverrides(f, name)
}
