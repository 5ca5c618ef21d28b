package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

const (
	formatTable = "table"
	formatJSON  = "json"
)

// outputFlag gives a command that prints data its -o flag.
func (a *app) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.format, "output", "o", formatTable, "table or json")
	cmd.PreRunE = func(*cobra.Command, []string) error { return a.checkFormat() }
}

func (a *app) checkFormat() error {
	if a.format != formatTable && a.format != formatJSON {
		return usageError{fmt.Errorf("output %q: use table or json", a.format)}
	}
	return nil
}

// print writes data as JSON, or as the table that rows makes.
func (a *app) print(data any, rows func(w io.Writer)) error {
	if a.format == formatJSON {
		out := json.NewEncoder(a.stdout)
		out.SetIndent("", "  ")
		return out.Encode(data)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	rows(w)
	return w.Flush()
}

// printLine is print for a command that goes on: JSON is one object a line.
func (a *app) printLine(data any, rows func(w io.Writer)) error {
	if a.format == formatJSON {
		return json.NewEncoder(a.stdout).Encode(data)
	}
	return a.print(data, rows)
}

// cells writes one row of a table.
func cells(w io.Writer, values ...any) {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	fmt.Fprintln(w, strings.Join(texts, "\t"))
}
