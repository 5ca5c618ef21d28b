// Package pipeline runs videos through named filters in worker processes of their own.
//
// The node hands a Pool a body and gets the processed video back while the body is still coming in. Codecs and models
// live in the workers (cmd/quicedge-video), so that a crash in C costs one stream and nothing else. The package itself
// is plain Go.
package pipeline

import "strings"

// Pipeline is a named way from a decoded frame to the frame that is encoded.
type Pipeline struct {
	// Name is what a client asks for.
	Name string
	// Summary says in one sentence what it does.
	Summary string
	// Model is the name of the ONNX model, in package models, that it runs on each frame; empty for none.
	Model string
}

// Pipelines returns every known pipeline, sorted by name.
func Pipelines() []Pipeline {
	return []Pipeline{{
		Name:    "beauty_v2",
		Summary: "smooths skin and keeps edges, hair and background",
		Model:   "beauty_v2",
	}, {
		Name:    "transcode",
		Summary: "changes codec and container only",
	}}
}

// Lookup returns the pipeline of that name. The error wraps ErrUnknownPipeline and lists the known names.
func Lookup(name string) (Pipeline, error) {
	for _, p := range Pipelines() {
		if p.Name == name {
			return p, nil
		}
	}
	return Pipeline{}, &UnknownPipelineError{Name: name, Known: Names()}
}

// Names returns the names of the known pipelines, sorted.
func Names() []string {
	var names []string
	for _, p := range Pipelines() {
		names = append(names, p.Name)
	}
	return names
}

func nameList() string { return strings.Join(Names(), ", ") }
