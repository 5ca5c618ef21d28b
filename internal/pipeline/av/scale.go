package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// scaler brings frames of another pixel format or size into planar 4:2:0 of one size: 10-bit and 4:2:2 material, and
// streams that change their size on the way.
type scaler struct {
	width, height int
	context       *astiav.SoftwareScaleContext
	from          [3]int // width, height, pixel format of the context's input
	out           *astiav.Frame
}

func (s *scaler) scale(f *astiav.Frame) (*astiav.Frame, error) {
	if err := s.prepare(f); err != nil {
		return nil, fmt.Errorf("convert %dx%d %s frame: %w", f.Width(), f.Height(), f.PixelFormat(), err)
	}
	// Frames may still be referenced by the encoder: each gets its own buffer.
	s.out.Unref()
	s.out.SetWidth(s.width)
	s.out.SetHeight(s.height)
	s.out.SetPixelFormat(astiav.PixelFormatYuv420P)
	if err := s.out.AllocBuffer(planeAlign); err != nil {
		return nil, fmt.Errorf("allocate %dx%d frame: %w", s.width, s.height, err)
	}
	if err := s.context.ScaleFrame(f, s.out); err != nil {
		return nil, fmt.Errorf("convert %dx%d %s frame: %w", f.Width(), f.Height(), f.PixelFormat(), err)
	}
	s.out.SetPts(f.Pts())
	setDuration(s.out, duration(f))
	s.out.SetColorRange(f.ColorRange())
	s.out.SetColorSpace(f.ColorSpace())
	return s.out, nil
}

func (s *scaler) prepare(f *astiav.Frame) error {
	from := [3]int{f.Width(), f.Height(), int(f.PixelFormat())}
	if s.context != nil && s.from == from {
		return nil
	}
	if s.context != nil {
		s.context.Free()
		s.context = nil
	}
	if s.out == nil {
		s.out = astiav.AllocFrame()
	}
	flags := astiav.NewSoftwareScaleContextFlags(astiav.SoftwareScaleContextFlagBilinear)
	var err error
	s.context, err = astiav.CreateSoftwareScaleContext(from[0], from[1], f.PixelFormat(), s.width, s.height, astiav.PixelFormatYuv420P, flags)
	s.from = from
	return err
}

func (s *scaler) close() {
	if s.context != nil {
		s.context.Free()
	}
	if s.out != nil {
		s.out.Free()
	}
}
