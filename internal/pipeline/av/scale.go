package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// scaler brings frames of another pixel format or size into planar 4:2:0 of one size: 10-bit and 4:2:2 material, odd
// sizes, and streams that change their size on the way. It is the one copy of a raw picture that a worker makes.
type scaler struct {
	store         *Frames
	width, height int // of the output, even
	shown         [2]int
	context       *astiav.SoftwareScaleContext
	from          [3]int // width, height, pixel format of the context's input
}

// scale returns f in the layout of the output. An odd size is not stretched to the even one: the column and the row that
// are missing repeat their neighbours.
func (s *scaler) scale(f *astiav.Frame) (*Frame, error) {
	if err := s.prepare(f); err != nil {
		return nil, fmt.Errorf("convert %dx%d %s frame: %w", f.Width(), f.Height(), f.PixelFormat(), err)
	}
	out, err := s.store.Picture(s.width, s.height)
	if err != nil {
		return nil, err
	}
	out.f.SetWidth(s.shown[0])
	out.f.SetHeight(s.shown[1])
	out.f.SetPixelFormat(scaledTo(f.PixelFormat()))
	if err := s.context.ScaleFrame(f, out.f); err != nil {
		out.Close()
		return nil, fmt.Errorf("convert %dx%d %s frame: %w", f.Width(), f.Height(), f.PixelFormat(), err)
	}
	out.f.SetPixelFormat(astiav.PixelFormatYuv420P)
	out.f.SetWidth(s.width)
	out.f.SetHeight(s.height)
	pad(out.Planes(), s.shown[0], s.shown[1])
	out.takeColours(f)
	out.SetTime(f.Pts())
	out.SetDuration(duration(f))
	s.store.Copied(s.width * s.height * 3 / 2)
	return out, nil
}

// pad fills the last column and row of an even picture whose content is of an odd size. Chroma has no gap: half of an odd
// size is rounded up.
func pad(p Planes, width, height int) {
	if width < p.Width {
		for y := range height {
			p.Y[y*p.Stride+width] = p.Y[y*p.Stride+width-1]
		}
	}
	if height < p.Height {
		copy(p.Y[height*p.Stride:][:p.Width], p.Y[(height-1)*p.Stride:])
	}
}

// scaledTo is the 4:2:0 format that holds the same range of levels as from does: swscale tells the range by the format.
func scaledTo(from astiav.PixelFormat) astiav.PixelFormat {
	switch from {
	case astiav.PixelFormatYuvj420P, astiav.PixelFormatYuvj422P, astiav.PixelFormatYuvj444P, astiav.PixelFormatYuvj440P,
		astiav.PixelFormatGray8, astiav.PixelFormatGray10Le:
		return astiav.PixelFormatYuvj420P
	}
	return astiav.PixelFormatYuv420P
}

func (s *scaler) prepare(f *astiav.Frame) error {
	from := [3]int{f.Width(), f.Height(), int(f.PixelFormat())}
	if s.context != nil && s.from == from {
		return nil
	}
	s.close()
	flags := astiav.NewSoftwareScaleContextFlags(astiav.SoftwareScaleContextFlagBilinear)
	var err error
	s.context, err = astiav.CreateSoftwareScaleContext(from[0], from[1], f.PixelFormat(), s.shown[0], s.shown[1], scaledTo(f.PixelFormat()), flags)
	s.from = from
	return err
}

func (s *scaler) close() {
	if s.context != nil {
		s.context.Free()
		s.context = nil
	}
}
