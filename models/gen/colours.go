package main

import (
	"quicedge/models/onnx"
	"quicedge/models/reference"
)

// coloursSide is the picture that colour_scores looks at: a few thousand pixels are enough for shares of colours.
const coloursSide = 64

// The borders of colour_scores, on a scale from 0 to 1, and how steep a score rises there: from 0.1 to 0.9 within 4.4 / steep.
// Skin is a share of pixels, half of a portrait; dark and bright are means of luma; flat is the variance of luma, of which
// camera noise alone has a few levels squared.
const (
	skinBorder, skinSteep     = 0.35, 20
	darkBorder, darkSteep     = 0.12, 60
	brightBorder, brightSteep = 0.9, 60
	flatBorder, flatSteep     = 16.0 / (255 * 255), 20000
)

// colours returns the model that scores a picture by its colours. Package reference explains the mask of skin.
func colours() *onnx.Graph {
	g := &onnx.Graph{}
	g.Input("rgb", onnx.Float, 1, 3, coloursSide, coloursSide)
	g.Output("scores", onnx.Float, 1, 4)

	// ITU-R BT.601, full range: luma, and Cb and Cr around 0.
	yuv := g.Op("Conv", []string{"rgb", g.Floats([]int{3, 3, 1, 1},
		0.299, 0.587, 0.114,
		-0.168736, -0.331264, 0.5,
		0.5, -0.418688, -0.081312)})
	luma := channel(g, yuv, 0)
	chroma := g.Op("Slice", []string{yuv, g.Ints(1), g.Ints(3), g.Ints(1)})

	const level = 1.0 / 255
	centre := g.Floats([]int{1, 2, 1, 1}, (reference.CbCentre-128)*level, (reference.CrCentre-128)*level)
	reach := g.Floats([]int{1, 2, 1, 1}, reference.CbReach*level, reference.CrReach*level)
	distance := g.Op("Abs", []string{g.Op("Sub", []string{chroma, centre})})
	depth := g.Op("ReduceMin", []string{g.Op("Sub", []string{reach, distance})}, onnx.With("axes", []int{1}), onnx.With("keepdims", 1))
	ramp := g.Op("Mul", []string{depth, g.Scalar(1 / (reference.Ramp * level))})
	skin := g.Op("GlobalAveragePool", []string{g.Op("Clip", []string{ramp, g.Scalar(0), g.Scalar(1)})})

	mean := g.Op("GlobalAveragePool", []string{luma})
	off := g.Op("Sub", []string{luma, mean})
	variance := g.Op("GlobalAveragePool", []string{g.Op("Mul", []string{off, off})})
	scores := g.Op("Concat", []string{
		above(g, skin, skinBorder, skinSteep), above(g, mean, darkBorder, -darkSteep),
		above(g, mean, brightBorder, brightSteep), above(g, variance, flatBorder, -flatSteep),
	}, onnx.With("axis", 1))
	g.OpTo("scores", "Reshape", []string{scores, g.Ints(1, 4)})
	return g
}

// above is 1 well above the border and 0 well below it; a negative steep turns it round.
func above(g *onnx.Graph, x string, border, steep float32) string {
	return g.Op("Sigmoid", []string{g.Op("Mul", []string{g.Op("Sub", []string{x, g.Scalar(border)}), g.Scalar(steep)})})
}
