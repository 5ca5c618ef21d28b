package reference

// Roughness measures how rough skin looks: the mean squared difference between neighbouring luma samples, in levels
// squared, over the pixels that are fully skin in f. luma is Width x Height bytes with no padding, of the same picture
// before or after a filter. It is 0 when there is no skin.
func Roughness(f Frame, luma []byte) float64 {
	mask := SkinMask(f)
	sum, n := 0.0, 0
	for y := range f.Height - 1 {
		for x := range f.Width - 1 {
			if mask[y/2*(f.Width/2)+x/2] < 1 {
				continue
			}
			here := float64(luma[y*f.Width+x])
			right, below := float64(luma[y*f.Width+x+1])-here, float64(luma[(y+1)*f.Width+x])-here
			sum += right*right + below*below
			n += 2
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// Luma returns the luma plane of f without padding, Width x Height bytes.
func (f Frame) Luma() []byte {
	out := make([]byte, 0, f.Width*f.Height)
	for y := range f.Height {
		out = append(out, f.Y[y*f.Stride:][:f.Width]...)
	}
	return out
}
