package benchvideo

import (
	"slices"
	"testing"
	"time"
)

// cost is what a video took.
type cost struct {
	frames         int64
	wall, cpu      time.Duration
	stages         map[string]time.Duration
	copied, allocs int64
}

func (c cost) fps() float64 { return float64(c.frames) / c.wall.Seconds() }

func (c cost) perFrame(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond) / float64(c.frames)
}

func (c cost) cpuPerFrame() float64 { return c.perFrame(c.cpu) }

// median is that of a number of each round.
func median[T any](rounds []T, number func(T) float64) float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, number(r))
	}
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

// report prints what the worker took: frames a second, milliseconds of processors and of each stage a frame, bytes of raw picture
// copied, and what a job allocates in Go: its start and five reports a second (what frames allocate, BenchmarkFrameMemory prints).
func report(b *testing.B, rounds []cost) {
	b.ReportMetric(0, "ns/op") // the sum of several programs
	b.ReportMetric(median(rounds, cost.fps), "fps")
	b.ReportMetric(median(rounds, cost.cpuPerFrame), "cpu-ms/frame")
	for stage := range rounds[0].stages {
		b.ReportMetric(median(rounds, func(c cost) float64 { return c.perFrame(c.stages[stage]) }), stage+"-ms/frame")
	}
	b.ReportMetric(median(rounds, func(c cost) float64 { return float64(c.copied) / float64(c.frames) }), "copied-B/frame")
	b.ReportMetric(median(rounds, func(c cost) float64 { return float64(c.allocs) }), "go-allocs/job")
}

// compare prints how the worker compares with an ffmpeg command: the median of the ratios of the rounds, over 1 where the worker is
// better.
func compare(b *testing.B, name string, ours, theirs []cost) {
	type pair struct{ ours, theirs cost }
	var rounds []pair
	for i := range ours {
		rounds = append(rounds, pair{ours[i], theirs[i]})
	}
	b.ReportMetric(median(theirs, cost.fps), name+"-fps")
	b.ReportMetric(median(theirs, cost.cpuPerFrame), name+"-cpu-ms/frame")
	b.ReportMetric(median(rounds, func(p pair) float64 { return p.ours.fps() / p.theirs.fps() }), "fps-x-"+name)
	b.ReportMetric(median(rounds, func(p pair) float64 { return p.theirs.cpuPerFrame() / p.ours.cpuPerFrame() }), "cpu-x-"+name)
}
