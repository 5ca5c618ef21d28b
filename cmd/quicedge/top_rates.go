package main

import (
	"cmp"
	"slices"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
)

// topTick is what one interval of top shows. It and its parts are public: fields are added, never renamed.
type topTick struct {
	APIVersion string        `json:"apiVersion"`
	Time       time.Time     `json:"time"`
	IntervalMS float64       `json:"interval_ms"`
	Sort       string        `json:"sort"`
	Notes      []string      `json:"notes"`
	Programs   []programRate `json:"programs"`
	Classes    []classRate   `json:"classes"` // those with packets in the interval
}

type programRate struct {
	Name        string   `json:"name"`
	ID          uint32   `json:"id"`
	RunsPerSec  float64  `json:"runs_per_s"` // 0 while nothing is measured
	NanosPerRun *float64 `json:"ns_per_run"` // null where it did not run, or nothing is measured
}

type classRate struct {
	classNames
	InPackets  float64  `json:"in_packets_per_s"`
	InBytes    float64  `json:"in_bytes_per_s"`
	OutPackets float64  `json:"out_packets_per_s"`
	OutBytes   float64  `json:"out_bytes_per_s"`
	Clamped    float64  `json:"clamped_per_s"` // of both directions, TCP's lowered MSS apart
	Screened   float64  `json:"screened_per_s"`
	Handshakes uint64   `json:"handshakes"` // whose round-trip time was measured
	RTTMedian  *float64 `json:"rtt_median_ms"`

	id class.ID
}

// sample is what top reads at one moment.
type sample struct {
	stats    dataplane.Stats
	programs []dataplane.ProgramFacts
}

func sampleOf(plane *dataplane.Plane) (s sample, err error) {
	if s.stats, err = plane.Stats(); err != nil {
		return s, err
	}
	s.programs, err = plane.Programs()
	return s, err
}

// sortKeys are the orders of top, the default first.
func sortKeys() []string { return []string{"bytes", "packets", "clamped", "screened", "rtt", "class"} }

// ratesOf makes rates of two samples.
func ratesOf(at time.Time, took time.Duration, before, now sample, by string) topTick {
	out := topTick{APIVersion: path.APIVersion, Time: at, IntervalMS: inMilliseconds(took), Sort: by, Programs: []programRate{}, Classes: []classRate{}}
	for _, p := range now.programs {
		if p.Name != dataplane.LookupProgram { // only a command runs it
			out.Programs = append(out.Programs, programRateOf(p, before.programs, took))
		}
	}
	growth := now.stats.Since(before.stats)
	for _, id := range class.All() {
		if r, busy := classRateOf(id, growth, took.Seconds()); busy {
			out.Classes = append(out.Classes, r)
		}
	}
	slices.SortStableFunc(out.Classes, func(a, b classRate) int { return -cmp.Compare(a.by(by), b.by(by)) })
	return out
}

// programRateOf compares a program with itself: one that was replaced meanwhile began at 0.
func programRateOf(p dataplane.ProgramFacts, before []dataplane.ProgramFacts, took time.Duration) programRate {
	runs, spent := p.Runs, p.RunTime
	for _, b := range before {
		if b.ID == p.ID && b.Runs <= p.Runs {
			runs, spent = p.Runs-b.Runs, p.RunTime-b.RunTime
		}
	}
	r := programRate{Name: p.Name, ID: p.ID, RunsPerSec: float64(runs) / took.Seconds()}
	if runs > 0 {
		each := float64(spent.Nanoseconds()) / float64(runs)
		r.NanosPerRun = &each
	}
	return r
}

// classRateOf adds up the hooks. What the socket's hook counts came in by ingress too, where there are programs at both.
func classRateOf(id class.ID, s dataplane.Stats, seconds float64) (r classRate, busy bool) {
	r = classRate{classNames: namesOf(id), id: id}
	var in, out, socket dataplane.ClassStats
	for _, c := range s.Classes {
		switch {
		case c.Class != id:
		case c.Hook == "ingress":
			in = c
		case c.Hook == "egress":
			out = c
		case c.Hook == "socket":
			socket = c
		}
	}
	r.Screened = float64(in.Screened+socket.Screened) / seconds
	if in.Packets == 0 {
		in = socket
	}
	r.InPackets, r.InBytes = float64(in.Packets)/seconds, float64(in.Bytes)/seconds
	r.OutPackets, r.OutBytes = float64(out.Packets)/seconds, float64(out.Bytes)/seconds
	r.Clamped = float64(in.Clamped+out.Clamped) / seconds
	for _, t := range s.RTT {
		if median := inMilliseconds(t.Median()); t.Class == id && t.Samples > 0 {
			r.Handshakes, r.RTTMedian = t.Samples, &median
		}
	}
	return r, in.Packets+out.Packets+r.Handshakes > 0
}

// by is what a class is sorted by: the largest first.
func (r classRate) by(key string) float64 {
	switch key {
	case "packets":
		return r.InPackets + r.OutPackets
	case "clamped":
		return r.Clamped
	case "screened":
		return r.Screened
	case "rtt":
		if r.RTTMedian == nil {
			return 0
		}
		return *r.RTTMedian
	case "class":
		return -float64(r.id)
	}
	return r.InBytes + r.OutBytes
}
