package infer

import (
	"quicedge/models"
)

// converter makes tensors of pictures and pictures of tensors, for one contract and one size.
type converter struct {
	in            models.Input
	width, height int // of the tensor
	from          [2]int
	full, hd      bool

	xs         []int // where the samples of a row come from, two for each pixel of the tensor
	rows       [3][]float32
	gain, bias [3]float32 // number = gain * level + bias, by channel; levels are 0 to 255
}

// fit sets the converter for pictures such as p.
func (c *converter) fit(in models.Input, p Planes, width, height int) {
	c.full, c.hd = p.Full, p.HD
	if c.width == width && c.height == height && c.from == [2]int{p.Width, p.Height} {
		return
	}
	c.in, c.width, c.height, c.from = in, width, height, [2]int{p.Width, p.Height}
	c.xs = make([]int, 2*width)
	for x := range c.xs {
		c.xs[x] = samplePlace(x, 2*width, p.Width)
	}
	for i := range c.rows {
		c.rows[i] = make([]float32, width)
	}
	for i := range in.Channels() {
		c.gain[i], c.bias[i] = scaleOf(in, i)
	}
}

// samplePlace is the pixel, of n, in which the middle of the i-th of parts lies.
func samplePlace(i, parts, n int) int { return (2*i + 1) * n / (2 * parts) }

// scaleOf says what a level from 0 to 255 becomes in a channel.
func scaleOf(in models.Input, channel int) (gain, bias float32) {
	switch in.Range {
	case models.Unit:
		return 1.0 / 255, 0
	case models.Signed:
		return 2.0 / 255, -1
	case models.Normal:
		return 1 / (255 * in.Std[channel]), -in.Mean[channel] / in.Std[channel]
	}
	return 1, 0
}

// floats fills a tensor of float32.
func (c *converter) floats(p Planes, out []float32) {
	for y := range c.height {
		c.row(p, y)
		for ch := range c.in.Channels() {
			from, gain, bias := c.channel(ch), c.gain[ch], c.bias[ch]
			at, step := c.index(ch, y)
			for x := range c.width {
				out[at] = from[x]*gain + bias
				at += step
			}
		}
	}
}

// bytes fills a tensor of uint8.
func (c *converter) bytes(p Planes, out []uint8) {
	for y := range c.height {
		c.row(p, y)
		for ch := range c.in.Channels() {
			from := c.channel(ch)
			at, step := c.index(ch, y)
			for x := range c.width {
				out[at] = level(from[x])
				at += step
			}
		}
	}
}

// channel is the row of levels that belongs to a channel of the tensor: rows are red, green, blue, or luma alone.
func (c *converter) channel(ch int) []float32 {
	if c.in.Colour == models.BGR {
		ch = 2 - ch
	}
	return c.rows[ch]
}

// index is where a row of a channel begins in the tensor, and how far apart its pixels are.
func (c *converter) index(ch, y int) (at, step int) {
	if c.in.Layout == models.NHWC {
		n := c.in.Channels()
		return y*c.width*n + ch, n
	}
	return (ch*c.height + y) * c.width, 1
}

// level rounds to a byte; what is no number becomes 0.
func level(v float32) byte {
	switch {
	case v >= 254.5:
		return 255
	case v > 0:
		return byte(v + 0.5)
	}
	return 0
}

// row fills the row buffers with the levels of row y of the tensor: the mean of four samples of the picture for each pixel, or the
// pixel itself where the size is the same.
func (c *converter) row(p Planes, y int) {
	top := p.Y[samplePlace(2*y, 2*c.height, p.Height)*p.Stride:]
	low := p.Y[samplePlace(2*y+1, 2*c.height, p.Height)*p.Stride:]
	luma := c.rows[0]
	for x := range luma {
		a, b := c.xs[2*x], c.xs[2*x+1]
		luma[x] = float32(int(top[a])+int(top[b])+int(low[a])+int(low[b])) / 4
	}
	if c.in.Colour == models.Luma {
		return
	}
	half := samplePlace(2*y, 2*c.height, p.Height) / 2 * p.ChromaStride
	c.colour(p.Cb[half:], p.Cr[half:])
}

// colour turns the row of luma into rows of red, green and blue.
func (c *converter) colour(cb, cr []byte) {
	m := matrixOf(c.full, c.hd)
	red, green, blue := c.rows[0], c.rows[1], c.rows[2]
	for x, luma := range red {
		at := c.xs[2*x] / 2
		u, v := float32(cb[at])-128, float32(cr[at])-128
		luma = (luma - m.black) * m.luma
		red[x] = clamp(luma + m.rv*v)
		green[x] = clamp(luma - m.gu*u - m.gv*v)
		blue[x] = clamp(luma + m.bu*u)
	}
}

func clamp(v float32) float32 { return min(max(v, 0), 255) }
