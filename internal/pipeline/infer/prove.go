package infer

import (
	"fmt"
	"math"

	"quicedge/models"
)

// Prove runs a loaded model on pictures of three kinds and two sizes: black, white and noise. An error says that it must not be
// used: it does not run, gives another shape than its contract says, or something that is no number.
func (s *Session) Prove() error {
	for _, size := range [][2]int{{64, 48}, {98, 34}} {
		for _, paint := range []func(i int) byte{
			func(int) byte { return 16 }, func(int) byte { return 235 },
			func(i int) byte { return byte(i * 2654435761 >> 13) },
		} {
			if err := s.prove(madeUp(size[0], size[1], paint)); err != nil {
				return fmt.Errorf("prove model %s: %w", s.model.Ref(), err)
			}
		}
	}
	return s.Trim()
}

func madeUp(width, height int, paint func(i int) byte) Planes {
	stride := width + 30
	p := Planes{Stride: stride, ChromaStride: stride / 2, Width: width, Height: height, Y: make([]byte, stride*height), Cb: make([]byte, stride*height/4), Cr: make([]byte, stride*height/4)}
	for _, plane := range [][]byte{p.Y, p.Cb, p.Cr} {
		for i := range plane {
			plane[i] = paint(i)
		}
	}
	return p
}

func (s *Session) prove(p Planes) error {
	if s.model.Input.Colour == models.YUV420 {
		return s.Luma(p, make([]byte, p.Width*p.Height))
	}
	if err := s.run(p); err != nil {
		return err
	}
	if s.tensor.floatsOut == nil {
		return nil
	}
	for i, v := range s.tensor.floatsOut.GetData() {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("number %d of its output %s is %v on a made-up picture: the model is broken, or input.range is wrong", i, s.model.Output.Name, v)
		}
	}
	return nil
}
