package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"quicedge/internal/dataplane"
)

func (a *app) statsCmd() *cobra.Command {
	var of filter
	var watch bool
	var beat rhythm
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Print the data plane's counters by class and by reason",
		Long: `Prints packets and bytes by class and hook, by the reason with which the programs let them go, and round-trip times of
handshakes by class. With --watch it prints what was counted in each interval, until it is interrupted.

JSON fields: attachments (interface index hook program_id mode), ports, classes (class province_id province province_zh isp hook packets
bytes clamped screened initials retries mss_clamped), reasons (class province_id province province_zh isp hook reason packets bytes)
and rtt (class province_id province province_zh isp samples mean_ms median_ms buckets). With --watch one object a line, with time and
interval_ms, and without attachments and ports.`,
		Example: `  quicedge stats --class heilongjiang,44/CUCC
  quicedge stats --reason clamped,clamped-silent --watch --interval 5s`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	of.flags(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "print what each interval adds, until interrupted")
	beat.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		pick, err := of.parse()
		if err != nil {
			return err
		}
		if err := beat.check(); err != nil {
			return err
		}
		if !watch && (cmd.Flags().Changed("interval") || cmd.Flags().Changed("count")) {
			return usageError{errors.New("--interval and --count go with --watch: add it")}
		}
		plane, err := dataplane.Open(cfg.PinDir)
		if err != nil {
			return err
		}
		defer plane.Close()
		if watch {
			return a.watchStats(cmd, plane, pick, beat)
		}
		out, err := readStats(plane, pick)
		if err != nil {
			return err
		}
		return a.print(out, func(w io.Writer) { statsTable(w, out.counters, pick) })
	}
	return cmd
}

func readStats(plane *dataplane.Plane, pick picker) (out statsAnswer, err error) {
	attached, err := plane.Interfaces()
	if err != nil {
		return out, err
	}
	ports, err := plane.Ports()
	if err != nil {
		return out, err
	}
	stats, err := plane.Stats()
	if err != nil {
		return out, err
	}
	return newStatsAnswer(attached, ports, pick.of(stats)), nil
}

// watchStats prints the growth of each interval.
func (a *app) watchStats(cmd *cobra.Command, plane *dataplane.Plane, pick picker, beat rhythm) error {
	before, err := plane.Stats()
	if err != nil {
		return err
	}
	return a.each(cmd.Context(), beat, func(at time.Time, took time.Duration) error {
		if err := plane.Pinned(); err != nil {
			return err
		}
		now, err := plane.Stats()
		if err != nil {
			return err
		}
		out := newStatsTick(at, took, pick.of(now.Since(before)))
		before = now
		return a.printLine(out, func(w io.Writer) {
			fmt.Fprintf(w, "%s  in %s\n", at.Format(time.TimeOnly), took.Round(time.Millisecond))
			statsTable(w, out.counters, pick)
			cells(w)
		})
	})
}
