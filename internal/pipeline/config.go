package pipeline

import (
	"fmt"
	"log/slog"
	"os"
	"time"
)

// Config says where the worker is and how much of the machine the pool may use. The zero value works.
type Config struct {
	// Worker is the path of the quicedge-video binary; empty looks beside the running executable, then in PATH.
	Worker string
	// Pipelines is a file of pipelines, Models a folder of models, on top of those in the program; empty is none.
	Pipelines, Models string
	// Reading is called with what reads those files, for a node that must raise a right to do so; nil calls it at once.
	Reading func(read func())
	// Workers is the number of jobs that run at once, a process each. 0 means two a CPU, 2 to 16, as far as their memory fits
	// beside the node into what the control groups leave of the machine: a worker that waits for a slow upload uses memory
	// (about 60 MB) and no CPU.
	Workers int
	// Spares is the number of processes kept ready beyond Workers, so that one that dies is replaced at once. 0 means 1, less
	// than 0 none.
	Spares int
	// Queue is the number of jobs that may wait for a worker; more are refused with ErrBusy. 0 means four a worker,
	// less than 0 none.
	Queue int
	// QueueTimeout bounds the wait in the queue; 0 means 30 s.
	QueueTimeout time.Duration
	// JobTimeout bounds a job from worker to last byte; 0 means 1 h.
	JobTimeout time.Duration
	// CPUTime bounds the CPU time that a job uses; 0 means twice JobTimeout: two cores for as long as a job may take.
	CPUTime time.Duration
	// StallTimeout ends a job in which nothing was read, sent or made for so long; 0 means 60 s.
	StallTimeout time.Duration
	// MaxMemory is what a worker may allocate, in bytes (RLIMIT_DATA); 0 means 1280 MiB, enough for 3840x2160, or where that
	// times Workers is too much the largest that fits.
	MaxMemory int64
	// MaxInput is the largest body, in bytes; 0 means 4 GiB.
	MaxInput int64
	// SpoolDir holds the unlinked files for bodies that must be read backwards (MP4 with its index at the end);
	// empty means os.TempDir().
	SpoolDir string
	// Log gets what workers say and what happens to them; nil means slog.Default().
	Log *slog.Logger
}

// workerGrace is how long a worker may take to announce itself: 60 ms on an idle core, seconds on a node in trouble.
const workerGrace = 10 * time.Second

func (c Config) withDefaults() (Config, error) {
	for _, f := range []struct {
		name string
		bad  bool
	}{
		{"workers", c.Workers < 0},
		{"queue timeout", c.QueueTimeout < 0},
		{"job timeout", c.JobTimeout < 0},
		{"cpu time", c.CPUTime < 0},
		{"stall timeout", c.StallTimeout < 0},
		{"maximum memory", c.MaxMemory < 0},
		{"maximum input", c.MaxInput < 0},
	} {
		if f.bad {
			return c, fmt.Errorf("configure video pool: %s is negative; use 0 for the default", f.name)
		}
	}
	setDefault(&c.Spares, 1)
	c.Spares = max(c.Spares, 0)
	c.fit(thisMachine())
	setDefault(&c.Queue, 4*c.Workers)
	setDefault(&c.QueueTimeout, 30*time.Second)
	setDefault(&c.JobTimeout, time.Hour)
	setDefault(&c.CPUTime, 2*c.JobTimeout)
	setDefault(&c.StallTimeout, time.Minute)
	setDefault(&c.MaxInput, 4<<30)
	setDefault(&c.SpoolDir, os.TempDir())
	if c.Reading == nil {
		c.Reading = func(read func()) { read() }
	}
	setDefault(&c.Log, slog.Default())
	c.warn(thisMachine(), c.Log)
	path, err := findWorker(c.Worker)
	c.Worker = path
	return c, err
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
