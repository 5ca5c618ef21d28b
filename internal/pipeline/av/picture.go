package av

import (
	"math"
	"time"

	"github.com/asticode/go-astiav"
)

// hdHeight is from where on a picture that does not name its colour matrix is taken to be BT.709, as players do.
const hdHeight = 720

// RGB returns what is shown of a decoded picture: rows of red, green and blue, a byte each, in full range.
func (in *Input) RGB(f *Frame) (rgb []byte, width, height int) {
	width, height = in.video.CodecParameters().Width(), in.video.CodecParameters().Height()
	p, m := f.Planes(), f.matrix()
	rgb = make([]byte, 3*width*height)
	for y := range height {
		luma := p.Y[y*p.Stride:][:width]
		cb, cr := p.Cb[y/2*p.ChromaStride:], p.Cr[y/2*p.ChromaStride:]
		row := rgb[3*y*width:][:3*width]
		for x, v := range luma {
			l := m.scale * (float32(v) - m.black)
			b, r := float32(cb[x/2])-128, float32(cr[x/2])-128
			row[3*x] = level(l + m.red*r)
			row[3*x+1] = level(l - m.greenCb*b - m.greenCr*r)
			row[3*x+2] = level(l + m.blue*b)
		}
	}
	return rgb, width, height
}

// TimeOf is the time of a decoded frame in the video.
func (in *Input) TimeOf(f *Frame) time.Duration {
	return time.Duration(astiav.RescaleQ(f.Time(), in.clock.base, astiav.NewRational(1, int(time.Second))))
}

func level(v float32) byte { return byte(min(max(v+0.5, 0), 255)) }

// matrix is how a frame's luma and chroma become red, green and blue.
type matrix struct{ scale, black, red, blue, greenCb, greenCr float32 }

// matrix goes by what the frame says of itself (ITU-T H.273, table 4).
func (f *Frame) matrix() matrix {
	kr, kb := float32(0.299), float32(0.114) // BT.601
	full, hd := f.Colours()
	if hd {
		kr, kb = 0.2126, 0.0722
	}
	m := matrix{scale: 255. / 219, black: 16}
	chroma := float32(255. / 224)
	if full {
		m.scale, m.black, chroma = 1, 0, 1
	}
	kg := 1 - kr - kb
	m.red, m.blue = chroma*2*(1-kr), chroma*2*(1-kb)
	m.greenCb, m.greenCr = m.blue*kb/kg, m.red*kr/kg
	return m
}

// Rotation is how many degrees clockwise a player turns the picture by: 0, 90, 180 or 270.
func (in *Input) Rotation() int {
	m, ok := in.video.CodecParameters().SideData().DisplayMatrix().Get()
	if !ok {
		return 0
	}
	quarters := int(math.Round(m.Rotation() / 90)) // clockwise, in go-astiav
	return ((quarters%4 + 4) % 4) * 90
}
