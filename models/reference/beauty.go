// Package reference computes the filters of package models in plain Go: slow, exact, and what tests compare with.
package reference

import "math"

// The constants of beauty_v2.
//
// Skin in YCbCr lies in Cb 77..127 and Cr 133..173 for people of all complexions (Chai, Ngan, "Face segmentation using
// skin-color map in videophone applications", IEEE TCSVT 9(4), 1999): a centre and a reach for each. Ramp is how many
// levels inside the box the effect takes to reach its full strength, so that noise at the border does not flicker.
//
// Radius is that of the window at half resolution: 9 x 9 there, 18 x 18 pixels of the picture. Epsilon is the variance,
// in levels squared, below which detail is smoothed and above which it is an edge and stays: 16 levels, between the grain
// of skin (3 to 10) and the contrast of eyes, brows and lips (30 and more).
const (
	CbCentre, CbReach = 102, 25
	CrCentre, CrReach = 153, 20
	Ramp              = 6
	Radius            = 4
	Epsilon           = 16 * 16
)

// Frame is a picture in planar 4:2:0 with 8 bits a sample. Width and Height are even; rows of the luma plane are
// Stride bytes apart, those of the chroma planes ChromaStride.
type Frame struct {
	Width, Height        int
	Stride, ChromaStride int
	Y, Cb, Cr            []byte
}

// Beauty returns the luma plane of f after beauty_v2, Width x Height bytes; chroma does not change. An ONNX runtime
// computes with 32-bit floats in another order, so its result may differ by one level where the exact value lies next to a
// rounding border.
//
// In each window k at half resolution the guided filter finds a line q = a I + b with a = var/(var+eps) and
// b = mean (1-a). With pull = mask (1-a) the line becomes q = I + pull (mean - I): outside of skin the pull is 0 and
// the picture stays as it is, bit for bit. The windows that cover a pixel are averaged.
func Beauty(f Frame) []byte { return BeautyAt(f, 1) }

// BeautyAt is Beauty with a strength from 0, which changes nothing, to 1.
func BeautyAt(f Frame, strength float64) []byte {
	w, h := f.Width/2, f.Height/2
	low := halve(f)
	square := make([]float64, len(low))
	for i, v := range low {
		square[i] = v * v
	}
	mean, meanSquare := boxMean(low, w, h), boxMean(square, w, h)
	mask := SkinMask(f)
	pull, pulled := make([]float64, len(low)), make([]float64, len(low))
	for i := range low {
		variance := meanSquare[i] - mean[i]*mean[i]
		pull[i] = strength * mask[i] * Epsilon / (variance + Epsilon)
		pulled[i] = pull[i] * mean[i]
	}
	gain, offset := boxMean(pull, w, h), boxMean(pulled, w, h)

	out := make([]byte, f.Width*f.Height)
	for y := range f.Height {
		for x := range f.Width {
			k := y/2*w + x/2
			level := float64(f.Y[y*f.Stride+x])
			level += offset[k] - gain[k]*level
			out[y*f.Width+x] = byte(min(max(math.Floor(level+0.5), 0), 255))
		}
	}
	return out
}

// SkinMask returns, for each chroma sample (Width/2 x Height/2), how much it is skin: 0 to 1.
func SkinMask(f Frame) []float64 {
	w, h := f.Width/2, f.Height/2
	mask := make([]float64, w*h)
	for y := range h {
		for x := range w {
			cb, cr := float64(f.Cb[y*f.ChromaStride+x]), float64(f.Cr[y*f.ChromaStride+x])
			depth := min(CbReach-math.Abs(cb-CbCentre), CrReach-math.Abs(cr-CrCentre))
			mask[y*w+x] = min(max(depth/Ramp, 0), 1)
		}
	}
	return mask
}

// halve returns luma as means of 2 x 2 pixels.
func halve(f Frame) []float64 {
	w, h := f.Width/2, f.Height/2
	low := make([]float64, w*h)
	for y := range h {
		top, bottom := f.Y[2*y*f.Stride:], f.Y[(2*y+1)*f.Stride:]
		for x := range w {
			sum := int(top[2*x]) + int(top[2*x+1]) + int(bottom[2*x]) + int(bottom[2*x+1])
			low[y*w+x] = float64(sum) / 4
		}
	}
	return low
}

// boxMean returns the mean over the (2 Radius + 1)^2 window around each sample, of what lies inside the picture.
func boxMean(in []float64, w, h int) []float64 {
	return means(means(in, w, h, 1, w), h, w, w, 1)
}

// means averages along lines of n samples, step apart; there are lines of them, lineStep apart.
func means(in []float64, n, lines, step, lineStep int) []float64 {
	out := make([]float64, len(in))
	for line := range lines {
		for i := range n {
			from, to := max(i-Radius, 0), min(i+Radius, n-1)
			sum := 0.0
			for j := from; j <= to; j++ {
				sum += in[line*lineStep+j*step]
			}
			out[line*lineStep+i*step] = sum / float64(to-from+1)
		}
	}
	return out
}
