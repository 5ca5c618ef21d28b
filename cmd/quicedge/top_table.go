package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// topTable writes the head to head, and the classes to the table below it. The Chinese name comes last: it is wider than its
// letters count.
func topTable(table, head io.Writer, out topTick) {
	fmt.Fprintf(head, "quicedge top  %s  every %s  by %s  %d classes with traffic\n", out.Time.Format(time.TimeOnly),
		time.Duration(out.IntervalMS*float64(time.Millisecond)).Round(time.Millisecond), out.Sort, len(out.Classes))
	for _, note := range out.Notes {
		fmt.Fprintln(head, note)
	}
	for _, p := range out.Programs {
		if p.NanosPerRun != nil {
			fmt.Fprintf(head, "program %s (%d): %s runs/s, %.0f ns a run\n", p.Name, p.ID, short(p.RunsPerSec), *p.NanosPerRun)
		}
	}
	fmt.Fprintln(head)
	cells(table, "CLASS", "IN PKT/S", "IN B/S", "OUT PKT/S", "OUT B/S", "CLAMP/S", "SCREEN/S", "RTT MS", "  PROVINCE")
	for _, c := range out.Classes {
		rtt := "-"
		if c.RTTMedian != nil {
			rtt = strconv.FormatFloat(*c.RTTMedian, 'f', 1, 64)
		}
		cells(table, c.id, short(c.InPackets), short(c.InBytes), short(c.OutPackets), short(c.OutBytes), short(c.Clamped), short(c.Screened), rtt,
			"  "+c.Province+" "+c.ProvinceZH)
	}
}

// short writes a rate in at most six letters: 0.2, 950, 1.2k, 34M.
func short(v float64) string {
	const units = "kMGT"
	unit := -1
	for ; v >= 999.5 && unit < len(units)-1; unit++ {
		v /= 1000
	}
	digits := 0
	if v < 9.95 && (unit >= 0 || v != math.Trunc(v)) {
		digits = 1
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if unit < 0 {
		return text
	}
	return text + units[unit:unit+1]
}
