package infer

import (
	"fmt"
	"slices"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// place is where the planes of a run lie, and how large they are.
type place struct {
	y, cb, cr, out        *byte
	stride, width, height int
}

// bound is a run over one place: tensors are headers over the planes' own memory, made once and bound once. Codecs and pools
// use few buffers over and over, so that in the long run nothing is made.
type bound struct {
	binding *ort.IoBinding
	tensors []*ort.Tensor[uint8]
}

// maxBound is how many places are remembered; a decoder has up to 20 pictures, and each may meet each buffer of the output.
const maxBound = 512

// Luma computes a model of colour yuv420 on the planes where they lie and writes luma, Width x Height bytes without padding, to
// out. It only reads the planes. Stride is twice ChromaStride.
func (s *Session) Luma(in Planes, out []byte) error {
	if len(out) < in.Width*in.Height {
		return fmt.Errorf("run model %s: output of %d bytes for %dx%d", s.model.Ref(), len(out), in.Width, in.Height)
	}
	if in.Stride != 2*in.ChromaStride {
		return fmt.Errorf("run model %s: rows of luma are %d bytes apart, of chroma %d: want half of that", s.model.Ref(), in.Stride, in.ChromaStride)
	}
	if err := s.grow(in.Width * in.Height); err != nil {
		return err
	}
	for i, t := range s.size {
		if t != nil {
			t.GetData()[0] = int64([]int{in.Width, in.Height}[i])
		}
	}
	b, err := s.bind(in, out)
	if err != nil {
		return fmt.Errorf("bind %dx%d planes to model %s: %w", in.Width, in.Height, s.model.Ref(), err)
	}
	if err := s.session.RunWithBinding(b.binding); err != nil {
		return fmt.Errorf("run model %s on %dx%d: %w", s.model.Ref(), in.Width, in.Height, err)
	}
	return nil
}

// makeSize makes the inputs width and height, where the graph has them.
func (s *Session) makeSize() (err error) {
	for i, name := range []string{"width", "height"} {
		if slices.Contains(s.takes, name) && err == nil {
			s.size[i], err = ort.NewEmptyTensor[int64](ort.NewShape(1))
		}
	}
	return err
}

// bind returns the run over the place of in and out.
func (s *Session) bind(in Planes, out []byte) (*bound, error) {
	at := place{
		unsafe.SliceData(in.Y), unsafe.SliceData(in.Cb), unsafe.SliceData(in.Cr), unsafe.SliceData(out),
		in.Stride, in.Width, in.Height,
	}
	b, ok := s.bound[at]
	// CUDA takes a copy of an input when it is bound: the next picture in the same place must be bound again.
	if ok && s.provider != "cuda" {
		return b, nil
	}
	if ok {
		b.free()
		delete(s.bound, at)
	}
	if len(s.bound) >= maxBound {
		s.forget()
	}
	b = &bound{}
	if err := s.bindAll(b, in, out); err != nil {
		b.free()
		return nil, err
	}
	s.bound[at] = b
	return b, nil
}

func (s *Session) bindAll(b *bound, in Planes, out []byte) (err error) {
	if b.binding, err = s.session.CreateIoBinding(); err != nil {
		return err
	}
	height, stride, width := int64(in.Height), int64(in.Stride), int64(in.Width)
	for _, p := range []struct {
		bind          func(string, ort.Value) error
		name          string
		plane         []byte
		height, width int64
	}{
		{b.binding.BindInput, "y", in.Y, height, stride},
		{b.binding.BindInput, "cb", in.Cb, height / 2, int64(in.ChromaStride)},
		{b.binding.BindInput, "cr", in.Cr, height / 2, int64(in.ChromaStride)},
		{b.binding.BindOutput, s.model.Output.Name, out, height, width},
	} {
		if int64(len(p.plane)) < p.height*p.width {
			return fmt.Errorf("plane %s of %d bytes for %dx%d", p.name, len(p.plane), p.width, p.height)
		}
		t, err := ort.NewTensor(ort.NewShape(1, 1, p.height, p.width), p.plane[:p.height*p.width])
		if err != nil {
			return err
		}
		b.tensors = append(b.tensors, t)
		if err := p.bind(p.name, t); err != nil {
			return err
		}
	}
	return s.bindScalars(b.binding)
}

// bindScalars binds size and parameters.
func (s *Session) bindScalars(b *ort.IoBinding) error {
	for i, name := range []string{"width", "height"} {
		if s.size[i] != nil {
			if err := b.BindInput(name, s.size[i]); err != nil {
				return err
			}
		}
	}
	for name, t := range s.scalars {
		if err := b.BindInput(name, t); err != nil {
			return err
		}
	}
	return nil
}

func (b *bound) free() {
	if b.binding != nil {
		destroy(b.binding)
	}
	for _, t := range b.tensors {
		destroy(t)
	}
}

// forget frees every binding.
func (s *Session) forget() {
	for at, b := range s.bound {
		b.free()
		delete(s.bound, at)
	}
	s.tensor.free()
}
