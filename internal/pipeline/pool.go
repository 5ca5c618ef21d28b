package pipeline

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"quicedge/internal/pipeline/wire"
)

// Pool keeps worker processes ready and gives each job one of them.
type Pool struct {
	cfg        Config
	launcher   *launcher
	worker     *os.File // its binary, held open
	workerExec string   // the path that executes it

	library  atomic.Pointer[Library]
	changing sync.Mutex // of the library, one at a time
	sources  []string   // the operator's files, when they were read last
	stamp    string     // of them, taken before

	// life ends when Close begins: keepers start no worker after it.
	life    context.Context
	endLife context.CancelFunc
	keepers sync.WaitGroup
	jobs    sync.WaitGroup

	metrics *metrics

	mu       sync.Mutex
	closed   bool
	busy     int // jobs that have a child
	running  map[*exchange]struct{}
	usual    time.Duration // that a job takes; 0: none has ended
	children []*child
	idle     []*child
	waiting  []chan *child
	startErr error

	providers map[string]wire.Loaded // where models compute, by name and version
}

// New validates cfg, starts the workers and returns when the first one is ready. ctx bounds the start only; Close
// ends the pool. The error says what is missing: the worker's binary, or what the worker itself said on its way out.
func New(ctx context.Context, cfg Config) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{cfg: cfg, metrics: newMetrics(), providers: map[string]wire.Loaded{}, running: map[*exchange]struct{}{}}
	library, err := p.read()
	if err != nil {
		return nil, err
	}
	p.library.Store(library)
	if p.worker, p.workerExec, err = openWorker(cfg.Worker); err != nil {
		return nil, err
	}
	p.launcher = newLauncher()
	p.life, p.endLife = context.WithCancel(context.WithoutCancel(ctx))
	began := time.Now()
	first, err := p.start(ctx)
	if err != nil {
		p.endLife()
		p.launcher.stop()
		p.worker.Close()
		return nil, err
	}
	p.metrics.started(time.Since(began))
	p.sayWhatIsMissing(first.fences)
	for i := range cfg.Workers + cfg.Spares {
		var ready *child
		if i == 0 {
			ready = first
			p.join(first)
		}
		p.keepers.Go(func() { p.keep(ready) })
	}
	return p, nil
}

// Process streams the video of in through the pipeline to out; audio is untouched. Input is read and, but for MP4 with its
// index in front, output written at once and as they come; an out that takes its time holds back only this job's worker.
// onProgress may be nil; it is called from this goroutine.
//
// Errors: ErrUnknownPipeline, *InvalidError, *MediaError, *ModeratedError, ErrBusy, ErrWorkerDied, ErrTimeout, ErrTooLarge, ErrClosed, what in or out
// returned, or the cause of ctx. Part of the output may have been written before an error is known.
//
// When Process returns early, one Read of in may still be under way in the background; nothing follows it.
func (p *Pool) Process(ctx context.Context, stream Stream, in io.Reader, out io.Writer, onProgress func(Progress)) (Stats, error) {
	if err := stream.Validate(); err != nil {
		return Stats{}, err
	}
	stats, err := p.run(ctx, stream.job(p.cfg.MaxInput), in, out, onProgress)
	if err != nil {
		return stats, fmt.Errorf("process video: %w", err)
	}
	return stats, nil
}

// Ready returns nil while at least one worker is alive, else why the last one could not be started.
func (p *Pool) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case len(p.children) > 0:
		return nil
	case p.startErr != nil:
		return p.startErr
	}
	return fmt.Errorf("no video worker is alive; one is being started")
}

// PIDs returns the process ids of the workers that are alive, oldest first.
func (p *Pool) PIDs() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	pids := make([]int, 0, len(p.children))
	for _, c := range p.children {
		pids = append(pids, c.pid())
	}
	return pids
}

// Close refuses new jobs, waits for those under way until ctx ends, then ends the workers. It returns the cause of ctx
// when jobs were cut off.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	for _, w := range p.waiting {
		close(w)
	}
	p.waiting = nil
	p.mu.Unlock()

	idle := make(chan struct{})
	go func() { p.jobs.Wait(); close(idle) }()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("drain video pool: %w", context.Cause(ctx))
	}
	p.endLife()
	p.keepers.Wait()
	if first {
		p.launcher.stop()
		p.worker.Close()
	}
	return err
}

// sayWhatIsMissing logs the fences that this kernel, or what the node runs in, does not offer.
func (p *Pool) sayWhatIsMissing(fences []wire.Fence) {
	for _, f := range fences {
		if f.Missing != "" {
			p.cfg.Log.Warn("video workers run without a fence: see quicedge doctor", "fence", f.Name, "why", f.Missing)
		}
	}
}

func (p *Pool) join(c *child) {
	p.mu.Lock()
	p.children = append(p.children, c)
	p.startErr = nil
	p.mu.Unlock()
	p.offer(c)
}

func (p *Pool) leave(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := func(o *child) bool { return o == c }
	p.children = slices.DeleteFunc(p.children, same)
	p.idle = slices.DeleteFunc(p.idle, same)
}

// enter counts a job in, unless the pool is closed.
func (p *Pool) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.jobs.Add(1)
	return nil
}
