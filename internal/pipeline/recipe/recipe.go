// Package recipe reads what pipelines are made of: YAML that names stages, models and encoder settings. Those that are shipped
// are embedded; an operator's file adds to them and replaces those of the same name.
package recipe

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Recipe is a named way from a decoded frame to the packet that is sent.
type Recipe struct {
	// Name is what a client asks for.
	Name string `yaml:"-" json:"name"`
	// Summary says in one sentence what it does.
	Summary string  `yaml:"summary" json:"summary"`
	Stages  []Stage `yaml:"stages" json:"stages"`
	Encoder Encoder `yaml:"encoder" json:"encoder"`
}

// Do is what a stage does with the pictures.
type Do string

// The stages.
const (
	// Model runs a model on every picture: an image takes its place, a mask says which of it is foreground.
	Model Do = "model"
	// DoubleRate puts a picture between each two, by the motion from one to the other.
	DoubleRate Do = "double_rate"
	// Moderate has a model score some pictures, and judges by the scores.
	Moderate Do = "moderate"
)

// Background is what becomes of the part of a picture where a mask is 0.
type Background string

// The backgrounds.
const (
	Dim  Background = "dim"
	Grey Background = "grey"
)

// Stage is one step. Which fields belong to which step is in docs/video.md, and Parse checks it.
type Stage struct {
	Do Do `yaml:"do" json:"do"`
	// Model and Version name the model; version 0 is the one in force.
	Model   string `yaml:"model" json:"model,omitempty"`
	Version int    `yaml:"version" json:"version,omitempty"`
	// Parameters are inputs of the model.
	Parameters map[string]float32 `yaml:"parameters" json:"parameters,omitempty"`
	Background Background         `yaml:"background" json:"background,omitempty"`
	// PerSecond is how many pictures of each second are scored; 0 scores one.
	PerSecond float64 `yaml:"per_second" json:"per_second,omitempty"`
	// Flag and Stop are scores, by label, from which a picture is flagged, and from which the stream is ended.
	Flag map[string]float32 `yaml:"flag" json:"flag,omitempty"`
	Stop map[string]float32 `yaml:"stop" json:"stop,omitempty"`
	// Hold is how much of the video must have been judged before any of it is sent.
	Hold time.Duration `yaml:"hold" json:"hold_ns,omitempty"`
}

// Encoder is how the result is encoded. What is empty is left to the worker: h264, superfast, crf 21.
type Encoder struct {
	Codec  string `yaml:"codec" json:"codec,omitempty"`
	Preset string `yaml:"preset" json:"preset,omitempty"`
	CRF    int    `yaml:"crf" json:"crf,omitempty"`
}

// Models returns the names of the models that the recipe needs, with the versions it fixes.
func (r Recipe) Models() []Stage {
	var needed []Stage
	for _, s := range r.Stages {
		if s.Model != "" {
			needed = append(needed, s)
		}
	}
	return needed
}

// WithVersions returns the recipe with every version fixed: those that it leaves open are those of inForce, by model.
func (r Recipe) WithVersions(inForce map[string]int) (Recipe, error) {
	r.Stages = slices.Clone(r.Stages)
	for i := range r.Stages {
		s := &r.Stages[i]
		if s.Model == "" || s.Version != 0 {
			continue
		}
		if s.Version = inForce[s.Model]; s.Version == 0 {
			return r, fmt.Errorf("pipeline %s: there is no model %s: add it to the folder of models, or name another", r.Name, s.Model)
		}
	}
	return r, nil
}

// Encode returns the recipe as a worker reads it.
func (r Recipe) Encode() (json.RawMessage, error) { return json.Marshal(r) }

// Decode is the reverse of Encode.
func Decode(text json.RawMessage) (r Recipe, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read recipe: %w", err)
	}
	return r, nil
}
