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
		return full, f.f.Height() >= 720
	}
	return full, false
}

// Tick is the unit of times of the format, in seconds.
func (f Format) Tick() float64 { return f.base.Float64() }
