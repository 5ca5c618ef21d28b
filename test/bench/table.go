package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// result is what was measured of a server.
type result struct {
	name    string
	url     string
	process *process
	request []float64 // microseconds of processor time a small GET, one a round
	mib     []float64 // milliseconds of processor time a MiB
	memory  float64   // bytes an idle connection
}

// show prints what was measured, and the ratios to the first.
func show(to io.Writer, s settings, all []*result) {
	fmt.Fprintf(to, "medians of %d rounds of %s, %d connections with %d requests each at once, %d idle connections\n\n", s.rounds, s.time, s.connections, s.streams, s.idle)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "server\tCPU us a GET of 1 KiB\tratio\tbest\tCPU ms a MiB\tratio\tbest\tKiB a connection\tratio")
	first := all[0]
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.1f\t%.2f\t%.2f\t%.2f\t%.1f\t%.2f\n", r.name,
			median(r.request), median(r.request)/median(first.request), slices.Min(r.request),
			median(r.mib), median(r.mib)/median(first.mib), slices.Min(r.mib), r.memory/1024, r.memory/first.memory)
	}
	w.Flush()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
