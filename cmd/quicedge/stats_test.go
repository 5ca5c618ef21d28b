package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
)

func TestClassesAreNamedInManyWays(t *testing.T) {
	for text, want := range map[string][]class.ID{
		"23/CMCC":      {class.Of(23, class.CMCC)},
		"黑龙江/CMCC":     {class.Of(23, class.CMCC)},
		"185":          {class.Of(23, class.CMCC)},
		"0":            {0},
		"heilongjiang": {184, 185, 186, 187, 188, 189},
		"23":           {184, 185, 186, 187, 188, 189},
		"unknown":      {0, 1, 2, 3, 4, 5},
	} {
		p, err := filter{classes: []string{text}}.parse()
		var got []class.ID
		for _, id := range class.All() {
			if p.class(id) {
				got = append(got, id)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	p, err := filter{classes: []string{"any/CERNET"}}.parse()
	if err != nil || !p.class(class.Of(11, class.CERNET)) || p.class(class.Of(11, class.CMCC)) {
		t.Errorf("any/CERNET: %+v, %v", p, err)
	}
}

func TestStatsPicksClassesAndReasons(t *testing.T) {
	s := dataplane.Stats{
		Classes: []dataplane.ClassStats{{Class: 0, Hook: "ingress", Packets: 1}, {Class: 184, Hook: "egress", Packets: 2}},
		Reasons: []dataplane.ReasonStats{{Class: 184, Hook: "egress", Reason: "clamped", Packets: 1}, {Class: 184, Hook: "egress", Reason: "pass", Packets: 1}, {Class: 0, Reason: "pass"}},
		RTT:     []dataplane.ClassRTT{{Class: 0, Samples: 1}, {Class: 184, Samples: 1, Sum: 3 * time.Millisecond, Buckets: [32]uint64{11: 1}}},
	}
	p, err := filter{classes: []string{"heilongjiang"}, reasons: []string{"clamped"}}.parse()
	if err != nil {
		t.Fatal(err)
	}
	got := count(p.of(s))
	if len(got.Classes) != 1 || got.Classes[0].Class != 184 || len(got.Reasons) != 1 || got.Reasons[0].Reason != "clamped" || len(got.RTT) != 1 {
		t.Errorf("got %+v", got)
	}
	if r := got.RTT[0]; r.MeanMS != 3 || r.MedianMS != 3.072 || !slices.Equal(r.Buckets, []rttBucket{{4.096, 1}}) {
		t.Errorf("times in milliseconds: %+v", r)
	}
}

func TestStatsCountWhatWasSent(t *testing.T) {
	l := newLive(t)
	l.load()
	l.send(3)
	got := decode[statsAnswer](t, l.mustRun("stats", "--class", "heilongjiang", "--reason", "pass", "-o", "json"))
	if len(got.Attachments) != 2 || !slices.Equal(got.Ports, []uint16{443}) || got.RTT == nil {
		t.Errorf("got %+v", got)
	}
	want := reasonCount{namesOf(184), "egress", "pass", 3, 3 * 128}
	if len(got.Classes) != 1 || got.Classes[0].Packets != 3 || !slices.Contains(got.Reasons, want) {
		t.Errorf("got %+v", got)
	}
	if out := l.mustRun("stats", "--reason", "pass"); strings.Contains(out, "CLAMPED") || !strings.Contains(out, "Heilongjiang") {
		t.Errorf("only reasons were asked for:\n%s", out)
	}
}

func TestWatchPrintsWhatEachIntervalAdds(t *testing.T) {
	l := newLive(t)
	l.load()
	l.send(5) // counted before, and so not shown
	n := 0
	l.ticking(3, func() { n++; l.send(n) })
	lines := strings.Split(strings.TrimSpace(l.mustRun("stats", "--watch", "--count", "3", "--class", "23", "-o", "json")), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i, line := range lines {
		got := decode[statsTick](t, line)
		if got.IntervalMS != 1000 || !got.Time.Equal(began.Add(time.Duration(i+1)*time.Second)) || got.APIVersion != "quicedge/v1" {
			t.Errorf("tick %d: %+v", i, got)
		}
		if len(got.Classes) != 1 || got.Classes[0].Packets != uint64(i+1) {
			t.Errorf("tick %d: %+v", i, got.Classes)
		}
	}
	l.ticking(1, func() { l.send(7) })
	l.printed = nil
	out := l.mustRun("stats", "--watch", "--count", "1", "--interval", "2s")
	if !strings.HasPrefix(out, "12:00:02  in 2s\n") || !strings.Contains(out, "Heilongjiang  OTHER  egress  7 ") {
		t.Errorf("got:\n%s", out)
	}
}

func TestWatchEndsWhenTheDataPlaneIsUnloaded(t *testing.T) {
	l := newLive(t)
	l.load()
	other := *l.cli // its output is not of the ticks
	l.ticking(1, func() { (&live{&other, l.ns}).mustRun("unload", "--iface", "lo") })
	if code, _, errs := l.run("stats", "--watch"); code != exitFailed || !strings.Contains(errs, "data plane not loaded any more") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
