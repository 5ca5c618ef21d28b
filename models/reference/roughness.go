package reference

// Roughness measures how rough skin looks: the mean squared difference between neighbouring luma samples, in levels
// squared, over the pairs of pixels that are both fully skin in f. luma is Width x Height bytes with no padding, of the
// same picture before or after a filter. It is 0 when there is no skin.
func Roughness(f Frame, luma []byte) float64 {
	mask := SkinMask(f)
	skin := func(x, y int) bool { return mask[y/2*(f.Width/2)+x/2] == 1 }
	sum, n := 0.0, 0
	pair := func(x, y, step int) {
		d := float64(luma[y*f.Width+x+step]) - float64(luma[y*f.Width+x])
		sum += d * d
		n++
	}
	for y := range f.Height - 1 {
		for x := range f.Width - 1 {
			if !skin(x, y) {
				continue
			}
			if skin(x+1, y) {
				pair(x, y, 1)
			}
			if skin(x, y+1) {
				pair(x, y, f.Width)
			}
		}
	}
	return sum / max(float64(n), 1)
}

// Luma returns the luma plane of f without padding, Width x Height bytes.
func (f Frame) Luma() []byte {
	out := make([]byte, 0, f.Width*f.Height)
	for y := range f.Height {
		out = append(out, f.Y[y*f.Stride:][:f.Width]...)
	}
	return out
}
