package main

import (
	"quicedge/models"
	"quicedge/models/onnx"
)

// model is a graph and what the manifest says of it, but for file and sum.
type model struct {
	graph *onnx.Graph
	entry models.Model
}

// shipped returns every model that is embedded in the programs.
func shipped() []model {
	return []model{{
		graph: beauty(),
		entry: models.Model{
			Name: "beauty_v2", Version: 1,
			Summary: "smooths skin; edges, hair and background stay",
			Is:      "A fast guided filter over luma, weighted by a mask of skin chroma: a formula written as a graph, with constants from the literature. Nothing was trained.",
			IsNot:   "It knows no faces: whatever has the chroma of skin is smoothed, wood and sand too.",
			Input:   models.Input{Type: models.Uint8, Layout: models.NCHW, Colour: models.YUV420, Range: models.Bytes},
			Output:  models.Output{Name: "out", Use: models.Image},
			Parameters: []models.Parameter{
				{Name: "strength", Default: 1, Min: 0, Max: 1},
			},
		},
	}, {
		graph: colours(),
		entry: models.Model{
			Name: "colour_scores", Version: 1,
			Summary: "scores a picture by its colours: skin, dark, bright, flat",
			Is: "Four formulas over a picture of 64 x 64: how much of it has the chroma of skin, and whether it is nearly black, nearly white or of one colour. " +
				"Nothing was trained. It shows how a classifier is built in, and finds black and frozen feeds.",
			IsNot:  "It does not understand what is shown, and cannot tell a beach from a nude: do not judge people's content by it. Put a trained classifier in its place.",
			Input:  models.Input{Name: "rgb", Type: models.Float32, Layout: models.NCHW, Colour: models.RGB, Range: models.Unit, Width: coloursSide, Height: coloursSide},
			Output: models.Output{Name: "scores", Use: models.Scores, Labels: []string{"skin", "dark", "bright", "flat"}},
		},
	}}
}
