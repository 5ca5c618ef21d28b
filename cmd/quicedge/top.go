package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quicedge/internal/dataplane"
)

func (a *app) topCmd() *cobra.Command {
	var beat rhythm
	var by string
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show live traffic by class: rates, clamps, handshake times, time a run",
		Long: `Shows what each class has on the wire, once an interval: packets and bytes a second in and out, clamped and screened packets a second,
the median round-trip time of the interval's handshakes; and each program's runs a second and nanoseconds a run, by the kernel's
run-time statistics, which are on while top runs and need CAP_SYS_ADMIN. A packet that the kernel cuts later (GSO) is one run.

On a terminal the table is drawn in place; elsewhere, and with -o json, each interval is printed below the last.
JSON, one object a line: time interval_ms sort notes, programs (name id runs_per_s ns_per_run), classes (class province_id province
province_zh isp in_packets_per_s in_bytes_per_s out_packets_per_s out_bytes_per_s clamped_per_s screened_per_s handshakes
rtt_median_ms). ns_per_run and rtt_median_ms are null where nothing was measured.`,
		Example: "  sudo quicedge top --sort clamped",
		Args:    cobra.NoArgs,
	}
	a.outputFlag(cmd)
	beat.flags(cmd)
	cmd.Flags().StringVar(&by, "sort", sortKeys()[0], "order: "+strings.Join(sortKeys(), ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		if !slices.Contains(sortKeys(), by) {
			return usageError{fmt.Errorf("--sort %q: use %s", by, strings.Join(sortKeys(), ", "))}
		}
		if err := beat.check(); err != nil {
			return err
		}
		plane, err := dataplane.Open(cfg.PinDir)
		if err != nil {
			return err
		}
		defer plane.Close()
		return a.top(cmd, plane, beat, by)
	}
	return cmd
}

func (a *app) top(cmd *cobra.Command, plane *dataplane.Plane, beat rhythm, by string) error {
	notes := []string{}
	on, err := dataplane.EnableRunStats()
	switch {
	case err == nil:
		defer on.Close()
	case errors.Is(err, dataplane.ErrNotPermitted), errors.Is(err, dataplane.ErrUnsupported):
		notes = append(notes, "no time a run: "+err.Error())
	default:
		return err
	}
	before, err := sampleOf(plane)
	if err != nil {
		return err
	}
	draw := a.canvas()
	return a.each(cmd.Context(), beat, func(at time.Time, took time.Duration) error {
		if err := plane.Pinned(); err != nil {
			return err
		}
		now, err := sampleOf(plane)
		if err != nil {
			return err
		}
		out := ratesOf(at, took, before, now, by)
		out.Notes = notes
		before = now
		if a.format == formatJSON {
			return a.printLine(out, nil)
		}
		return draw(out)
	})
}

// canvas returns what shows one interval: in place on a terminal, below the last one elsewhere.
func (a *app) canvas() func(topTick) error {
	rows, terminal := a.screen()
	if !terminal {
		return func(out topTick) error { return drawTable(a.stdout, out, "\n") }
	}
	first := "\x1b[2J" // clear the screen
	return func(out topTick) error {
		var text bytes.Buffer
		if err := drawTable(&text, out, ""); err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		if rows, _ = a.screen(); rows > 1 && len(lines) > rows-1 {
			lines = lines[:rows-1]
		}
		// From the top left corner, clear the rest of each line, then the rest of the screen.
		_, err := io.WriteString(a.stdout, first+"\x1b[H"+strings.Join(lines, "\x1b[K\n")+"\x1b[K\n\x1b[J")
		first = ""
		return err
	}
}

func drawTable(w io.Writer, out topTick, end string) error {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 8, 2, ' ', tabwriter.AlignRight)
	topTable(table, &text, out)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, text.String()+end)
	return err
}
