package av

import "github.com/asticode/go-astiav"

// Colours says how the numbers of the picture are to be read: full range (black is 0, not 16), and the matrix of ITU-R BT.709 (HD)
// rather than that of BT.601. A frame that does not say is what its size makes likely.
func (f *Frame) Colours() (full, hd bool) {
	full = f.f.ColorRange() == astiav.ColorRangeJpeg
	switch f.f.ColorSpace() {
	case astiav.ColorSpaceBt709:
		return full, true
	case astiav.ColorSpaceUnspecified, astiav.ColorSpaceReserved:
		return full, f.f.Height() >= hdHeight
	}
	return full, false
}

// takeColours notes that the numbers of the picture are to be read as those of another, from which they were made. What was RGB has
// become YCbCr of BT.601, as the encoder is told.
func (f *Frame) takeColours(from *astiav.Frame) {
	f.f.SetColorRange(from.ColorRange())
	f.f.SetColorSpace(from.ColorSpace())
	if from.ColorSpace() == astiav.ColorSpaceRgb {
		f.f.SetColorRange(astiav.ColorRangeMpeg)
		f.f.SetColorSpace(astiav.ColorSpaceSmpte170M)
	}
}

// Tick is the unit of times of the format, in seconds.
func (f Format) Tick() float64 { return f.base.Float64() }
