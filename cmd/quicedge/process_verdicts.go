package main

import "quicedge/internal/pipeline"

// judged is what a pipeline that moderates thinks of one picture, as the node's state of a stream shows it (docs/http.md).
type judged struct {
	PositionMS float64            `json:"position_ms"` // in the video
	Model      string             `json:"model"`
	Scores     map[string]float32 `json:"scores"` // by label
	Flagged    []string           `json:"flagged,omitempty"`
	Stop       string             `json:"stop,omitempty"`
}

func verdictsOf(s pipeline.Stats) (all []judged) {
	for _, v := range s.Verdicts {
		all = append(all, judged{milliseconds(v.Position), v.Model, v.Scores, v.Flagged, v.Stop})
	}
	return all
}
