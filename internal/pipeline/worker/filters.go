package worker

import (
	"fmt"
	"io"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/recipe"
	"quicedge/internal/pipeline/wire"
	"quicedge/models"
)

// step is one stage of a pipeline. Its methods are called from one goroutine.
type step interface {
	// frame takes f over and gives emit what becomes of it; emit owns what it gets.
	frame(f *av.Frame, emit func(*av.Frame) error) error
	// drain gives emit what the step still holds, after the last frame.
	drain(emit func(*av.Frame) error) error
	close()
}

// chain is what a pipeline does with the pictures of one stream. It is for one goroutine, the one between decoder and
// encoder; output and release belong to the one that encodes.
type chain struct {
	recipe recipe.Recipe
	steps  []step
	next   []func(*av.Frame) error // what each step emits to
	emit   func(*av.Frame) error   // the end of the chain
	times  int64                   // frames that come out for one that goes in
	gate   *gate                   // nil: nothing is held back
}

// newChain returns the chain of a job's pipeline. Its frames come out of the store; tick is the unit of their times, in seconds.
func (s *server) newChain(job wire.Job, store *av.Frames, tick float64) (*chain, error) {
	r, err := recipe.Decode(job.Recipe)
	if err != nil {
		return nil, err
	}
	c := &chain{recipe: r, times: 1}
	for _, stage := range r.Stages {
		one, err := s.newStep(c, stage, store, tick/float64(c.times))
		if err != nil {
			c.close()
			return nil, fmt.Errorf("set up pipeline %s: %w", r.Name, err)
		}
		c.steps = append(c.steps, one)
	}
	for i := range c.steps {
		c.next = append(c.next, func(f *av.Frame) error { return c.after(i, f) })
	}
	return c, nil
}

func (s *server) newStep(c *chain, stage recipe.Stage, store *av.Frames, tick float64) (step, error) {
	if stage.Do == recipe.DoubleRate {
		c.times *= 2
		return &doubler{store: store, tick: tick}, nil
	}
	model, err := s.models.use(models.Ref(stage.Model, stage.Version), stage.Parameters)
	if err != nil {
		return nil, err
	}
	switch {
	case stage.Do == recipe.Moderate:
		m := &moderator{model: model, stage: stage, tick: tick, out: s.out}
		if stage.Hold > 0 {
			c.gate = &gate{}
			m.gate = c.gate
		}
		return m, nil
	case model.model.Model().Output.Use == models.Mask:
		return &masker{model: model, background: stage.Background, store: store}, nil
	}
	return &painter{model: model, store: store}, nil
}

// after is where step i emits to.
func (c *chain) after(i int, f *av.Frame) error {
	if i+1 == len(c.steps) {
		return c.emit(f)
	}
	return c.steps[i+1].frame(f, c.next[i+1])
}

// faster is how many frames come out for one that goes in.
func (c *chain) faster() int64 { return c.times }

// encoding is what the pipeline says about its output.
func (c *chain) encoding() av.Encoding {
	e := c.recipe.Encoder
	return av.Encoding{Codec: e.Codec, Preset: e.Preset, CRF: e.CRF}
}

// output is where the muxer writes.
func (c *chain) output(w io.Writer) io.Writer {
	if c.gate == nil {
		return w
	}
	c.gate.w = w
	return c.gate
}

// release lets go what output has held back, at the end.
func (c *chain) release() error {
	if c.gate == nil {
		return nil
	}
	return c.gate.release()
}

// frame takes f over and gives emit what becomes of it; emit owns what it gets.
func (c *chain) frame(f *av.Frame, emit func(*av.Frame) error) error {
	if len(c.steps) == 0 {
		return emit(f)
	}
	c.emit = emit
	return c.steps[0].frame(f, c.next[0])
}

// drain gives emit what the chain still holds, after the last frame.
func (c *chain) drain(emit func(*av.Frame) error) error {
	c.emit = emit
	for i, s := range c.steps {
		if err := s.drain(c.next[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) close() {
	for _, s := range c.steps {
		s.close()
	}
}

// planes is the picture of f as a model takes it.
func planes(f *av.Frame) infer.Planes {
	p := f.Planes()
	full, hd := f.Colours()
	return infer.Planes{Y: p.Y, Cb: p.Cb, Cr: p.Cr, Stride: p.Stride, ChromaStride: p.ChromaStride, Width: p.Width, Height: p.Height, Full: full, HD: hd}
}
