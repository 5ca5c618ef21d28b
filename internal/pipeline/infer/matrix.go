package infer

import "quicedge/models"

// matrix is how luma and chroma make red, green and blue: ITU-R BT.601 or BT.709, full or studio range (16 to 235, 16 to 240).
type matrix struct {
	black, luma    float32
	rv, gu, gv, bu float32
	kr, kb         float32
	chroma         float32 // of a step of chroma, in levels
}

func matrixOf(full, hd bool) matrix {
	m := matrix{kr: 0.299, kb: 0.114, black: 16, luma: 255.0 / 219, chroma: 255.0 / 224}
	if hd {
		m.kr, m.kb = 0.2126, 0.0722
	}
	if full {
		m.black, m.luma, m.chroma = 0, 1, 1
	}
	kg := 1 - m.kr - m.kb
	m.rv = 2 * (1 - m.kr) * m.chroma
	m.bu = 2 * (1 - m.kb) * m.chroma
	m.gv = m.rv * m.kr / kg
	m.gu = m.bu * m.kb / kg
	return m
}

// floatsBack writes a tensor of the contract's shape into a picture of the same size.
func (c *converter) floatsBack(t []float32, out Planes) {
	c.back(out, func(ch, y int) {
		to, gain, bias := c.channel(ch), 1/c.gain[ch], c.bias[ch]
		at, step := c.index(ch, y)
		for x := range to {
			to[x] = (t[at] - bias) * gain
			at += step
		}
	})
}

// bytesBack is floatsBack for bytes.
func (c *converter) bytesBack(t []uint8, out Planes) {
	c.back(out, func(ch, y int) {
		to := c.channel(ch)
		at, step := c.index(ch, y)
		for x := range to {
			to[x] = float32(t[at])
			at += step
		}
	})
}

// back writes row after row, which load fetches from the tensor into the row buffers.
func (c *converter) back(out Planes, load func(ch, y int)) {
	m := matrixOf(c.full, c.hd)
	for y := range c.height {
		for ch := range c.in.Channels() {
			load(ch, y)
		}
		luma := out.Y[y*out.Stride:][:c.width]
		if c.in.Colour == models.Luma {
			for x := range luma {
				luma[x] = level(c.rows[0][x])
			}
			continue
		}
		c.lumaOf(m, luma)
		if y%2 == 0 {
			c.chromaOf(m, out.Cb[y/2*out.ChromaStride:], out.Cr[y/2*out.ChromaStride:])
		}
	}
}

func (c *converter) lumaOf(m matrix, to []byte) {
	red, green, blue := c.rows[0], c.rows[1], c.rows[2]
	kg := 1 - m.kr - m.kb
	for x := range to {
		to[x] = level((m.kr*red[x]+kg*green[x]+m.kb*blue[x])/m.luma + m.black)
	}
}

// chromaOf writes the chroma of pairs of pixels of an even row; the odd row below has the same to within what 4:2:0 keeps.
func (c *converter) chromaOf(m matrix, cb, cr []byte) {
	red, green, blue := c.rows[0], c.rows[1], c.rows[2]
	kg := 1 - m.kr - m.kb
	for x := range c.width / 2 {
		r, g, b := (red[2*x]+red[2*x+1])/2, (green[2*x]+green[2*x+1])/2, (blue[2*x]+blue[2*x+1])/2
		luma := m.kr*r + kg*g + m.kb*b
		cb[x] = level((b-luma)/m.bu + 128)
		cr[x] = level((r-luma)/m.rv + 128)
	}
}
