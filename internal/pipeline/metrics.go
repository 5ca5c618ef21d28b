package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/pipeline/wire"
)

// metrics are a pool's counters. Labels are bounded: pipelines by name, stages, results and reasons by the lists here; what
// a worker says of itself is not trusted to be among them.
type metrics struct {
	jobs, frames, dropped, bytes *prometheus.CounterVec
	stages                       *prometheus.CounterVec
	restarts                     *prometheus.CounterVec
	took                         *prometheus.HistogramVec
	wait, start                  prometheus.Histogram

	workers, queue, fences *prometheus.Desc
}

func newMetrics() *metrics {
	name := func(n, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "quicedge_video_" + n, Help: help}
	}
	histogram := func(n, help string, first float64, buckets int) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: "quicedge_video_" + n, Help: help, Buckets: prometheus.ExponentialBuckets(first, 4, buckets)}
	}
	counter := func(n, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(name(n, help), labels)
	}
	desc := func(n, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("quicedge_video_"+n, help, labels, nil)
	}
	return &metrics{
		jobs:     counter("jobs_total", "Jobs that ended, by how.", "pipeline", "result"),
		frames:   counter("frames_total", "Frames encoded.", "pipeline"),
		dropped:  counter("dropped_packets_total", "Packets that the decoder refused and that were left out.", "pipeline"),
		bytes:    counter("bytes_total", "Bytes of bodies (in) and of answers (out), as the workers count them.", "pipeline", "direction"),
		stages:   counter("stage_seconds_total", "Time that finished jobs spent in each stage; stages overlap.", "pipeline", "stage"),
		restarts: counter("worker_restarts_total", "Workers that ended, or did not start, and were replaced, by the cause.", "reason"),
		took:     prometheus.NewHistogramVec(histogram("job_seconds", "Time from a job's arrival to its end, the queue included.", 1.0/64, 9), []string{"pipeline"}),
		wait:     prometheus.NewHistogram(histogram("queue_seconds", "Time that jobs waited for a worker.", 1.0/1024, 9)),
		start:    prometheus.NewHistogram(histogram("worker_start_seconds", "Time from starting a worker to its being ready.", 1.0/256, 7)),
		workers:  desc("workers", "Worker processes that are alive, by what they do.", "state"),
		queue:    desc("queue_jobs", "Jobs that wait for a worker."),
		fences:   desc("worker_fence", "1 where the fence stands around the workers, 0 where this host does not offer it.", "fence"),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.jobs, m.frames, m.dropped, m.bytes, m.stages, m.restarts, m.took, m.wait, m.start}
}

// Describe implements prometheus.Collector.
func (p *Pool) Describe(out chan<- *prometheus.Desc) {
	for _, c := range p.metrics.collectors() {
		c.Describe(out)
	}
	for _, d := range []*prometheus.Desc{p.metrics.workers, p.metrics.queue, p.metrics.fences} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (p *Pool) Collect(out chan<- prometheus.Metric) {
	for _, c := range p.metrics.collectors() {
		c.Collect(out)
	}
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	p.mu.Lock()
	alive, idle, waiting := len(p.children), len(p.idle), len(p.waiting)
	var fences []wire.Fence
	if alive > 0 {
		fences = p.children[alive-1].fences
	}
	p.mu.Unlock()
	gauge(p.metrics.workers, idle, "idle")
	gauge(p.metrics.workers, max(alive-idle, 0), "busy")
	gauge(p.metrics.queue, waiting)
	for _, f := range fences {
		stands := 0
		if f.Missing == "" {
			stands = 1
		}
		gauge(p.metrics.fences, stands, f.Name)
	}
}

func (m *metrics) waited(d time.Duration) { m.wait.Observe(d.Seconds()) }

func (m *metrics) started(d time.Duration) { m.start.Observe(d.Seconds()) }

func (m *metrics) restarted(reason string) { m.restarts.WithLabelValues(reason).Inc() }

// moved counts what came between two reports of a worker, which cannot take back what it has said.
func (m *metrics) moved(pipeline string, from, to Progress) {
	m.frames.WithLabelValues(pipeline).Add(float64(max(to.Frames-from.Frames, 0)))
	m.bytes.WithLabelValues(pipeline, "in").Add(float64(max(to.InBytes-from.InBytes, 0)))
	m.bytes.WithLabelValues(pipeline, "out").Add(float64(max(to.OutBytes-from.OutBytes, 0)))
}

func (m *metrics) done(pipeline string, d wire.Done) {
	m.dropped.WithLabelValues(pipeline).Add(float64(max(d.DamagedPackets, 0)))
	for stage, took := range d.Stages {
		if !slices.Contains(knownStages(), stage) {
			stage = "other"
		}
		m.stages.WithLabelValues(pipeline, stage).Add(max(took.Seconds(), 0))
	}
}

func knownStages() []string { return []string{"demux", "decode", "generate", "infer", "encode", "mux"} }

func (m *metrics) ended(pipeline string, err error, took time.Duration) {
	m.jobs.WithLabelValues(pipeline, resultOf(err)).Inc()
	m.took.WithLabelValues(pipeline).Observe(took.Seconds())
}

// resultOf is the label result of a job that ended with err.
func resultOf(err error) string {
	var media *MediaError
	if errors.As(err, &media) {
		return "bad_media"
	}
	var moderated *ModeratedError
	if errors.As(err, &moderated) {
		return "moderated"
	}
	for _, known := range []struct {
		err    error
		result string
	}{
		{nil, "ok"},
		{ErrBusy, "busy"},
		{ErrWorkerDied, "worker_died"},
		{ErrClosed, "closed"},
		{ErrTimeout, "timeout"},
		{ErrTooLarge, "too_large"},
		{ErrNoRoom, "no_room"},
		{context.DeadlineExceeded, "deadline"},
		{context.Canceled, "cancelled"},
	} {
		if errors.Is(err, known.err) {
			return known.result
		}
	}
	return "failed"
}
