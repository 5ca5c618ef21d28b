package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table prints a line a class: each measure of all servers side by side, and ratios to the first where there are two.
func (r report) table(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\nseed %d, %d connections a class; in each column: %s\n", r.Scenario, r.Says, r.Seed, r.Connections, strings.Join(r.names(), " | "))
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "class\tprovince\tpath MTU\thandshakes failed\tfirst byte ms\tgoodput Mbit/s\tover MTU first+later\tlost for size\trecovery ms\tlived\tMTU least, end")
	for i, c := range r.Servers[0].Classes {
		row := []string{c.Class, c.Province, fmt.Sprint(c.MTU)}
		for _, m := range measures() {
			row = append(row, r.cell(m, i))
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range r.Servers {
		if s.Dropped > 0 {
			fmt.Fprintf(w, "%s: the lab lost %d packets by itself: this machine was too slow, run fewer classes at once (--parallel)\n", s.Name, s.Dropped)
		}
	}
	_, err := fmt.Fprintln(w, r.summary())
	return err
}

func (r report) names() (all []string) {
	for _, s := range r.Servers {
		all = append(all, s.Name)
	}
	return all
}

// measure is a column.
type measure struct {
	text  func(classResult) string
	value func(classResult) float64 // nil: no ratio is shown
}

func measures() []measure {
	return []measure{
		{text: func(c classResult) string { return fmt.Sprintf("%d/%d", c.Failed, c.Handshakes) }},
		{func(c classResult) string { return number(c.FirstByte, "%.0f") }, func(c classResult) float64 { return c.FirstByte }},
		{func(c classResult) string { return fmt.Sprintf("%.2f", c.Goodput) }, func(c classResult) float64 { return c.Goodput }},
		{text: func(c classResult) string { return fmt.Sprintf("%d+%d", c.OverFirst, c.OverAfter) }},
		{text: func(c classResult) string { return fmt.Sprint(c.ForSize) }},
		{text: func(c classResult) string { return number(c.Recovery, "%.0f") }},
		{text: func(c classResult) string { return of(c.Silent > 0, "%d/%d", c.Lived, c.Silent) }},
		{text: func(c classResult) string { return of(c.EndMTU > 0, "%d, %d", c.LeastMTU, c.EndMTU) }},
	}
}

// of leaves out what there was none of.
func of(there bool, format string, values ...any) string {
	if !there {
		return "-"
	}
	return fmt.Sprintf(format, values...)
}

// number leaves what was not measured out.
func number(v float64, format string) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

func (r report) cell(m measure, class int) string {
	var parts []string
	for _, s := range r.Servers {
		parts = append(parts, m.text(s.Classes[class]))
	}
	cell := strings.Join(parts, " | ")
	if ratio, ok := r.ratio(m, class); ok {
		cell += fmt.Sprintf("  x%.2f", ratio)
	}
	return cell
}

// ratio compares the last server with the first.
func (r report) ratio(m measure, class int) (float64, bool) {
	if len(r.Servers) < 2 || m.value == nil {
		return 0, false
	}
	of, by := m.value(r.Servers[1].Classes[class]), m.value(r.Servers[0].Classes[class])
	return of / by, of > 0 && by > 0
}

// summary adds the classes up.
func (r report) summary() string {
	var lines []string
	for _, s := range r.Servers {
		var failed, all, over, forSize int
		var first, goodput []float64
		for _, c := range s.Classes {
			failed, all, over, forSize = failed+c.Failed, all+c.Handshakes, over+int(c.OverFirst+c.OverAfter), forSize+int(c.ForSize)
			goodput = append(goodput, c.Goodput)
			if c.FirstByte > 0 {
				first = append(first, c.FirstByte)
			}
		}
		lines = append(lines, fmt.Sprintf("%s: %d of %d handshakes failed; medians over %d classes: first byte %s ms, goodput %.2f Mbit/s; %d datagrams over the path MTU, %d packets lost for their size",
			s.Name, failed, all, len(s.Classes), number(median(first), "%.0f"), median(goodput), over, forSize))
	}
	return strings.Join(lines, "\n")
}
