package main

import (
	"quicedge/models/onnx"
	"quicedge/models/reference"
)

// beauty returns the skin smoothing model: a self-guided filter (He, Sun, Tang, "Guided Image Filtering", ECCV 2010) in
// its fast form (He, Sun, "Fast Guided Filter", arXiv:1505.00996) at half resolution, where the chroma planes already
// are. Package reference holds the same filter in Go and explains its terms; both take their constants from there.
//
// The model takes the decoder's planes as they lie in memory, rows padded to the line size, casts them inside, and
// writes luma of the visible width.
func beauty() *onnx.Graph {
	g := &onnx.Graph{}
	g.Input("y", onnx.Uint8, 1, 1, "height", "linesize")
	g.Input("cb", onnx.Uint8, 1, 1, "height/2", "linesize/2")
	g.Input("cr", onnx.Uint8, 1, 1, "height/2", "linesize/2")
	g.Input("width", onnx.Int64, 1)
	g.Input("strength", onnx.Float, 1)
	g.Output("out", onnx.Uint8, 1, 1, "height", "width")

	luma := float(g, crop(g, "y", "width"))
	mask := skinMask(g)

	low := g.Op("AveragePool", []string{luma}, onnx.With("kernel_shape", []int{2, 2}), onnx.With("strides", []int{2, 2}))
	// Two channels through one pool cost less than two pools.
	moments := box(g, g.Op("Concat", []string{low, g.Op("Mul", []string{low, low})}, onnx.With("axis", 1)))
	mean, square := channel(g, moments, 0), channel(g, moments, 1)
	variance := g.Op("Sub", []string{square, g.Op("Mul", []string{mean, mean})})
	pull := g.Op("Div", []string{
		g.Op("Mul", []string{mask, g.Op("Mul", []string{"strength", g.Scalar(reference.Epsilon)})}),
		g.Op("Add", []string{variance, g.Scalar(reference.Epsilon)}),
	})
	model := box(g, g.Op("Concat", []string{pull, g.Op("Mul", []string{pull, mean})}, onnx.With("axis", 1)))
	gain := double(g, channel(g, model, 0))
	// 0.5 makes the final cast, which cuts, round.
	offset := double(g, g.Op("Add", []string{channel(g, model, 1), g.Scalar(0.5)}))

	smooth := g.Op("Sub", []string{g.Op("Add", []string{luma, offset}), g.Op("Mul", []string{gain, luma})})
	level := g.Op("Clip", []string{smooth, g.Scalar(0), g.Scalar(255)})
	g.OpTo("out", "Cast", []string{level}, onnx.With("to", onnx.Uint8))
	return g
}

// skinMask is 1 well inside the box of skin chroma, 0 outside it, and a ramp between.
func skinMask(g *onnx.Graph) string {
	half := g.Op("Div", []string{"width", g.Ints(2)})
	chroma := float(g, crop(g, g.Op("Concat", []string{"cb", "cr"}, onnx.With("axis", 1)), half))
	centre := g.Floats([]int{1, 2, 1, 1}, reference.CbCentre, reference.CrCentre)
	reach := g.Floats([]int{1, 2, 1, 1}, reference.CbReach, reference.CrReach)
	distance := g.Op("Abs", []string{g.Op("Sub", []string{chroma, centre})})
	depth := g.Op("ReduceMin", []string{g.Op("Sub", []string{reach, distance})}, onnx.With("axes", []int{1}), onnx.With("keepdims", 1))
	ramp := g.Op("Mul", []string{depth, g.Scalar(1.0 / reference.Ramp)})
	return g.Op("Clip", []string{ramp, g.Scalar(0), g.Scalar(1)})
}

// crop cuts rows to their first width pixels.
func crop(g *onnx.Graph, x, width string) string {
	return g.Op("Slice", []string{x, g.Ints(0), width, g.Ints(3)})
}

func channel(g *onnx.Graph, x string, i int64) string {
	return g.Op("Slice", []string{x, g.Ints(i), g.Ints(i + 1), g.Ints(1)})
}

func float(g *onnx.Graph, x string) string {
	return g.Op("Cast", []string{x}, onnx.With("to", onnx.Float))
}

// box is the mean over a square window, as two passes; at the edges it is the mean of what is inside.
func box(g *onnx.Graph, x string) string {
	const r, size = reference.Radius, 2*reference.Radius + 1
	inside := onnx.With("count_include_pad", 0)
	rows := g.Op("AveragePool", []string{x}, onnx.With("kernel_shape", []int{1, size}), onnx.With("pads", []int{0, r, 0, r}), inside)
	return g.Op("AveragePool", []string{rows}, onnx.With("kernel_shape", []int{size, 1}), onnx.With("pads", []int{r, 0, r, 0}), inside)
}

// double repeats every pixel twice along both axes.
func double(g *onnx.Graph, x string) string {
	return g.Op("Resize", []string{x, "", g.Floats([]int{4}, 1, 1, 2, 2)},
		onnx.With("mode", "nearest"), onnx.With("coordinate_transformation_mode", "asymmetric"), onnx.With("nearest_mode", "floor"))
}
