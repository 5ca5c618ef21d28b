package worker

import (
	"errors"
	"fmt"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/recipe"
	"quicedge/models"
)

// painter has a model make each picture anew.
type painter struct {
	model tuned
	store *av.Frames
}

func (p *painter) frame(f *av.Frame, emit func(*av.Frame) error) error {
	if p.model.model.Model().Input.Colour == models.YUV420 {
		var err error
		if f, err = p.store.Regular(f); err != nil {
			return err
		}
	}
	defer f.Close()
	g, err := p.paint(f)
	if err != nil {
		return err
	}
	return emit(g)
}

// paint returns the new picture. Where the model writes luma alone, chroma is shared.
func (p *painter) paint(f *av.Frame) (g *av.Frame, err error) {
	session, err := p.model.session()
	if err != nil {
		return nil, err
	}
	in := planes(f)
	colour := session.Model().Input.Colour
	if colour == models.YUV420 || colour == models.Luma {
		g, err = f.WithLuma()
	} else {
		g, err = p.store.Beside(f)
	}
	if err != nil {
		return nil, err
	}
	if colour == models.YUV420 {
		err = session.Luma(in, g.Luma())
	} else {
		p.store.Copied(len(in.Y) + len(in.Cb) + len(in.Cr))
		err = session.Image(in, planes(g))
	}
	if err != nil {
		g.Close()
		if errors.Is(err, infer.ErrSize) {
			err = &av.Unsupported{Stage: "filter", Reason: err.Error() + "; send a video of that size"}
		}
		return nil, err
	}
	return g, nil
}

func (p *painter) drain(func(*av.Frame) error) error { return nil }

func (p *painter) close() {}

// masker changes what a model says is background.
type masker struct {
	model      tuned
	background recipe.Background
	store      *av.Frames
	row        []float32 // how much each pixel of a row is foreground
}

func (m *masker) frame(f *av.Frame, emit func(*av.Frame) error) error {
	defer f.Close()
	session, err := m.model.session()
	if err != nil {
		return err
	}
	mask, width, height, err := session.Mask(planes(f))
	if err != nil {
		return err
	}
	if len(mask) != width*height {
		return fmt.Errorf("use model %s: its mask has %d numbers for %dx%d", session.Model().Ref(), len(mask), width, height)
	}
	g, err := m.store.Beside(f)
	if err != nil {
		return err
	}
	in, out := f.Planes(), g.Planes()
	m.store.Copied(len(in.Y) + len(in.Cb) + len(in.Cr))
	luma, chroma := float32(1), float32(0) // what is left of the background's contrast and colour
	if m.background == recipe.Dim {
		luma, chroma = 0.35, 0.5
	}
	const black, grey = 16, 128
	m.mix(in.Y, in.Stride, out.Y, out.Stride, in.Width, in.Height, mask, width, height, luma, black)
	m.mix(in.Cb, in.ChromaStride, out.Cb, out.ChromaStride, in.Width/2, in.Height/2, mask, width, height, chroma, grey)
	m.mix(in.Cr, in.ChromaStride, out.Cr, out.ChromaStride, in.Width/2, in.Height/2, mask, width, height, chroma, grey)
	return emit(g)
}

// mix brings a plane nearer to rest where the mask is low: to keep of its distance where the mask is 0.
func (m *masker) mix(in []byte, stride int, out []byte, outStride, w, h int, mask []float32, mw, mh int, keep, rest float32) {
	if cap(m.row) < w {
		m.row = make([]float32, w)
	}
	share := m.row[:w]
	last := -1
	for y := range h {
		if my := y * mh / h; my != last {
			last = my
			for x := range share {
				share[x] = keep + (1-keep)*min(max(mask[my*mw+x*mw/w], 0), 1)
			}
		}
		from, to := in[y*stride:][:w], out[y*outStride:][:w]
		for x, v := range from {
			to[x] = byte(rest + (float32(v)-rest)*share[x] + 0.5)
		}
	}
}

func (m *masker) drain(func(*av.Frame) error) error { return nil }

func (m *masker) close() {}
