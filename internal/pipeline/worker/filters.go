package worker

import (
	"fmt"
	"io"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/wire"
	"quicedge/models"
)

// chain is what a pipeline does with the pictures of one stream. It is for one goroutine, the one between decoder and
// encoder.
type chain struct {
	model *infer.Session // nil: pictures pass as they are
}

// newChain returns the chain of a job's pipeline. Its frames come out of the store.
func (s *server) newChain(job wire.Job, _ *av.Frames) (*chain, error) {
	p, err := pipeline.Lookup(job.Pipeline)
	if err != nil {
		return nil, err
	}
	if p.Model == "" {
		return &chain{}, nil
	}
	model, ok := s.models[p.Model]
	if !ok {
		return nil, fmt.Errorf("load model %s: it is not in this worker; build both programs together", p.Model)
	}
	return &chain{model: model}, nil
}

// faster is how many frames come out for one that goes in.
func (c *chain) faster() int64 { return 1 }

// encoding is what the pipeline says about its output.
func (c *chain) encoding() av.Encoding { return av.Encoding{} }

// output is where the muxer writes.
func (c *chain) output(w io.Writer) io.Writer { return w }

// release lets go what output has held back, at the end.
func (c *chain) release() error { return nil }

// frame takes f over and gives emit what becomes of it; emit owns what it gets.
func (c *chain) frame(f *av.Frame, emit func(*av.Frame) error) error {
	if c.model == nil {
		return emit(f)
	}
	defer f.Close()
	g, err := f.WithLuma()
	if err != nil {
		return err
	}
	if err := c.model.Run(planes(f), g.Luma()); err != nil {
		g.Close()
		return err
	}
	return emit(g)
}

// drain gives emit what the chain still holds, after the last frame.
func (c *chain) drain(func(*av.Frame) error) error { return nil }

func (c *chain) close() {}

func planes(f *av.Frame) infer.Planes {
	p := f.Planes()
	return infer.Planes{Y: p.Y, Cb: p.Cb, Cr: p.Cr, Stride: p.Stride, Width: p.Width, Height: p.Height}
}

// loadModels loads ONNX Runtime and a session for every model.
func loadModels() (map[string]*infer.Session, string, error) {
	version, err := infer.Start()
	if err != nil {
		return nil, "", err
	}
	all, err := models.All()
	if err != nil {
		return nil, "", err
	}
	loaded := map[string]*infer.Session{}
	for _, m := range all {
		s, err := infer.Open(m.ONNX, 1)
		if err != nil {
			return nil, "", fmt.Errorf("load model %s: %w", m.Name, err)
		}
		loaded[m.Name] = s
	}
	return loaded, version, nil
}

// try runs a model once.
func try(s *infer.Session) error {
	const size = 64
	plane := make([]byte, size*size)
	in := infer.Planes{Y: plane, Cb: plane[:size*size/4], Cr: plane[:size*size/4], Stride: size, Width: size, Height: size}
	return s.Run(in, make([]byte, size*size))
}

// trim gives memory back before the worker waits, which may be for long.
func (s *server) trim() error {
	for _, m := range s.models {
		if err := m.Trim(); err != nil {
			return err
		}
	}
	return nil
}
