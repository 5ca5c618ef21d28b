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

// show prints what was measured, and the ratios to the first server and to Caddy. A ratio is the median of those of the rounds: within
// one, what else the machine does falls on all.
func show(to io.Writer, s settings, all []*result) {
	fmt.Fprintf(to, "medians of %d rounds of %s, %d connections with %d requests each at once, %d idle connections\n\n", s.rounds, s.time, s.connections, s.streams, s.idle)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "server\tCPU us a GET of 1 KiB\tbest\tratio\tto Caddy\tCPU ms a MiB\tbest\tratio\tto Caddy\tKiB a connection\tratio")
	first, other := all[0], named(all, "Caddy")
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t%s\t%.2f\t%.2f\t%.2f\t%s\t%.1f\t%.2f\n", r.name,
			median(r.request), slices.Min(r.request), ratio(r.request, first.request), maybe(r.request, other.request),
			median(r.mib), slices.Min(r.mib), ratio(r.mib, first.mib), maybe(r.mib, other.mib), r.memory/1024, r.memory/first.memory)
	}
	w.Flush()
}

// named returns the result of a server, an empty one where it was not measured.
func named(all []*result, name string) *result {
	for _, r := range all {
		if r.name == name {
			return r
		}
	}
	return &result{}
}

func maybe(values, to []float64) string {
	if len(to) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio(values, to))
}

func ratio(values, to []float64) float64 {
	all := make([]float64, len(values))
	for i := range values {
		all[i] = values[i] / to[i]
	}
	return median(all)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
