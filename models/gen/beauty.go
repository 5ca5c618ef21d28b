package main

import "quicedge/models/reference"

// beauty returns the skin smoothing model: a self-guided filter (He, Sun, Tang, "Guided Image Filtering", ECCV 2010) in
// its fast form (He, Sun, "Fast Guided Filter", arXiv:1505.00996) at half resolution, where the chroma planes already
// are. Package reference holds the same filter in Go and explains its terms; both take their constants from there.
//
// The model takes the decoder's planes as they lie in memory, rows padded to the line size, casts them inside, and
// writes luma of the visible width.
func beauty() (*graph, []value, []value) {
	inputs := []value{
		{"y", "uint8", []any{1, 1, "height", "linesize"}},
		{"cb", "uint8", []any{1, 1, "height/2", "linesize/2"}},
		{"cr", "uint8", []any{1, 1, "height/2", "linesize/2"}},
		{"width", "int64", []any{1}},
	}
	outputs := []value{{"out", "uint8", []any{1, 1, "height", "width"}}}

	g := &graph{}
	luma := g.float(g.crop("y", "width"))
	mask := skinMask(g)

	low := g.op("AveragePool", []string{luma}, attr{"kernel_shape", []int{2, 2}}, attr{"strides", []int{2, 2}})
	// Two channels through one pool cost less than two pools.
	moments := box(g, g.op("Concat", []string{low, g.op("Mul", []string{low, low})}, attr{"axis", 1}))
	mean, square := g.channel(moments, 0), g.channel(moments, 1)
	variance := g.op("Sub", []string{square, g.op("Mul", []string{mean, mean})})
	pull := g.op("Div", []string{
		g.op("Mul", []string{mask, g.scalar(reference.Epsilon)}),
		g.op("Add", []string{variance, g.scalar(reference.Epsilon)}),
	})
	model := box(g, g.op("Concat", []string{pull, g.op("Mul", []string{pull, mean})}, attr{"axis", 1}))
	gain := double(g, g.channel(model, 0))
	// 0.5 makes the final cast, which cuts, round.
	offset := double(g, g.op("Add", []string{g.channel(model, 1), g.scalar(0.5)}))

	smooth := g.op("Sub", []string{g.op("Add", []string{luma, offset}), g.op("Mul", []string{gain, luma})})
	level := g.op("Clip", []string{smooth, g.scalar(0), g.scalar(255)})
	g.opTo("out", "Cast", []string{level}, attr{"to", typeUint8})
	for _, in := range inputs {
		g.inputs = append(g.inputs, in.encode())
	}
	g.outputs = append(g.outputs, outputs[0].encode())
	return g, inputs, outputs
}

// skinMask is 1 well inside the box of skin chroma, 0 outside it, and a ramp between.
func skinMask(g *graph) string {
	half := g.op("Div", []string{"width", g.ints(2)})
	chroma := g.float(g.crop(g.op("Concat", []string{"cb", "cr"}, attr{"axis", 1}), half))
	centre := g.floats([]int{1, 2, 1, 1}, reference.CbCentre, reference.CrCentre)
	reach := g.floats([]int{1, 2, 1, 1}, reference.CbReach, reference.CrReach)
	distance := g.op("Abs", []string{g.op("Sub", []string{chroma, centre})})
	depth := g.op("ReduceMin", []string{g.op("Sub", []string{reach, distance})}, attr{"axes", []int{1}}, attr{"keepdims", 1})
	ramp := g.op("Mul", []string{depth, g.scalar(1.0 / reference.Ramp)})
	return g.op("Clip", []string{ramp, g.scalar(0), g.scalar(1)})
}

// crop cuts rows to their first width pixels.
func (g *graph) crop(x, width string) string {
	return g.op("Slice", []string{x, g.ints(0), width, g.ints(3)})
}

func (g *graph) channel(x string, i int64) string {
	return g.op("Slice", []string{x, g.ints(i), g.ints(i + 1), g.ints(1)})
}

func (g *graph) float(x string) string { return g.op("Cast", []string{x}, attr{"to", typeFloat}) }

// box is the mean over a square window, as two passes; at the edges it is the mean of what is inside.
func box(g *graph, x string) string {
	const r, size = reference.Radius, 2*reference.Radius + 1
	inside := attr{"count_include_pad", 0}
	rows := g.op("AveragePool", []string{x}, attr{"kernel_shape", []int{1, size}}, attr{"pads", []int{0, r, 0, r}}, inside)
	return g.op("AveragePool", []string{rows}, attr{"kernel_shape", []int{size, 1}}, attr{"pads", []int{r, 0, r, 0}}, inside)
}

// double repeats every pixel twice along both axes.
func double(g *graph, x string) string {
	return g.op("Resize", []string{x, "", g.floats([]int{4}, 1, 1, 2, 2)},
		attr{"mode", "nearest"}, attr{"coordinate_transformation_mode", "asymmetric"}, attr{"nearest_mode", "floor"})
}
