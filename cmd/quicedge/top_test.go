package main

import (
	"strings"
	"testing"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
)

var (
	harbin = class.Of(23, class.CMCC)
	canton = class.Of(44, class.CUCC)
)

func twoSamples() (before, now sample) {
	before = sample{
		dataplane.Stats{Classes: []dataplane.ClassStats{{Class: harbin, Hook: "ingress", Packets: 100, Bytes: 10_000}}},
		[]dataplane.ProgramFacts{{Name: "qe_ingress", ID: 7, Runs: 50, RunTime: 1000}, {Name: "qe_egress", ID: 8}},
	}
	now = sample{
		dataplane.Stats{
			Classes: []dataplane.ClassStats{
				{Class: harbin, Hook: "ingress", Packets: 300, Bytes: 30_000, Screened: 10},
				{Class: harbin, Hook: "egress", Packets: 400, Bytes: 400_000, Clamped: 4},
				{Class: harbin, Hook: "socket", Packets: 190, Bytes: 19_000, Screened: 6},
				{Class: canton, Hook: "socket", Packets: 20, Bytes: 1000, Screened: 2},
				{Class: canton, Hook: "reuseport", Packets: 18, Bytes: 900},
			},
			RTT: []dataplane.ClassRTT{{Class: harbin, Samples: 2, Buckets: [32]uint64{14: 2}}},
		},
		[]dataplane.ProgramFacts{{Name: "qe_ingress", ID: 7, Runs: 150, RunTime: 9000}, {Name: "qe_egress", ID: 9, Runs: 10, RunTime: 500}, {Name: dataplane.LookupProgram, ID: 10, Runs: 3}},
	}
	return before, now
}

func TestRatesAreOfTheInterval(t *testing.T) {
	before, now := twoSamples()
	out := ratesOf(began, 2*time.Second, before, now, "bytes")
	if len(out.Classes) != 2 || out.Classes[0].id != harbin || out.IntervalMS != 2000 {
		t.Fatalf("got %+v", out)
	}
	h := out.Classes[0]
	if h.InPackets != 100 || h.InBytes != 10_000 || h.OutPackets != 200 || h.OutBytes != 200_000 || h.Clamped != 2 || h.Screened != 8 {
		t.Errorf("harbin: %+v", h)
	}
	if h.Handshakes != 2 || h.RTTMedian == nil || *h.RTTMedian != 24.576 {
		t.Errorf("harbin's handshakes: %+v", h)
	}
	if c := out.Classes[1]; c.InPackets != 10 || c.InBytes != 500 || c.Screened != 1 || c.RTTMedian != nil {
		t.Errorf("canton is seen by sockets alone: %+v", c)
	}
	if len(out.Programs) != 2 {
		t.Fatalf("programs %+v", out.Programs)
	}
	if p := out.Programs[0]; p.RunsPerSec != 50 || p.NanosPerRun == nil || *p.NanosPerRun != 80 {
		t.Errorf("ingress: %+v", p)
	}
	if p := out.Programs[1]; p.RunsPerSec != 5 || p.NanosPerRun == nil || *p.NanosPerRun != 50 {
		t.Errorf("egress was replaced: %+v", p)
	}
	if idle := ratesOf(began, time.Second, now, now, "bytes"); len(idle.Classes) != 0 || idle.Programs[0].NanosPerRun != nil {
		t.Errorf("nothing happened: %+v", idle)
	}
}

func TestTopIsSortedAsAsked(t *testing.T) {
	before, now := twoSamples()
	now.stats.Classes[3].Packets, now.stats.Classes[3].Screened = 10_000, 9_000
	for key, first := range map[string]class.ID{"bytes": harbin, "packets": canton, "clamped": harbin, "screened": canton, "rtt": harbin, "class": harbin} {
		if out := ratesOf(began, time.Second, before, now, key); out.Classes[0].id != first || out.Sort != key {
			t.Errorf("by %s: %v first", key, out.Classes[0].id)
		}
	}
}

func TestRatesAreShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.04: "0.0", 0.25: "0.2", 5: "5", 9.96: "10", 999.4: "999", 999.6: "1.0k", 1234: "1.2k", 45_678: "46k", 999_600: "1.0M", 3.4e9: "3.4G", 2e16: "20000T"} {
		if got := short(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestTopPrintsAnObjectATick(t *testing.T) {
	l := newLive(t)
	l.load()
	l.ticking(2, func() { l.send(6) })
	lines := strings.Split(strings.TrimSpace(l.mustRun("top", "--count", "2", "--interval", "2s", "-o", "json")), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		out := decode[topTick](t, line)
		if len(out.Classes) != 1 || out.Classes[0].Class != 184 || out.Classes[0].OutPackets != 3 || out.Classes[0].ProvinceZH != "黑龙江" || out.Notes == nil {
			t.Errorf("got %+v", out)
		}
		measured := 0
		for _, p := range out.Programs {
			if p.NanosPerRun != nil && *p.NanosPerRun > 0 && p.RunsPerSec >= 3 {
				measured++
			}
		}
		if measured < 2 {
			t.Errorf("programs %+v", out.Programs)
		}
	}
}

func TestTopDrawsInPlaceOnATerminalOnly(t *testing.T) {
	l := newLive(t)
	l.load()
	draw := func(rows int) string {
		t.Helper()
		l.rows = rows
		l.ticking(2, func() { l.send(1) })
		return l.mustRun("top", "--count", "2")
	}
	if out := draw(0); strings.Contains(out, "\x1b") || strings.Count(out, "quicedge top  12:00:0") != 2 || strings.Count(out, "Heilongjiang 黑龙江") != 2 {
		t.Errorf("no terminal:\n%s", out)
	}
	out := draw(50)
	if !strings.HasPrefix(out, "\x1b[2J\x1b[Hquicedge top") || strings.Count(out, "\x1b[2J") != 1 || strings.Count(out, "\x1b[H") != 2 {
		t.Errorf("a terminal: %q", out)
	}
	if _, last, _ := strings.Cut(draw(3), "\x1b[Hquicedge"); strings.Count(last, "\n") > 2*2 {
		t.Errorf("more lines than a terminal of 3: %q", last)
	}
}

func TestTopWithoutTheRightToMeasureSaysSoInALine(t *testing.T) {
	l := newLive(t)
	l.load()
	l.ticking(1, func() { l.send(1) })
	code, out, errs := l.runWithout(cap.SYS_ADMIN, "top", "--count", "1", "-o", "json")
	if code != exitOK {
		t.Fatalf("exit %d, %s", code, errs)
	}
	got := decode[topTick](t, out)
	if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "CAP_SYS_ADMIN") || len(got.Classes) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestTopRefusesAnUnknownOrder(t *testing.T) {
	if code, _, errs := newCLI(t).run("top", "--sort", "name"); code != exitUsage || !strings.Contains(errs, `--sort "name": use bytes, packets`) {
		t.Errorf("exit %d, %s", code, errs)
	}
}
