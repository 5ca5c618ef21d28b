// Package models holds the ONNX models of the video pipelines. They are small, made by models/gen and embedded, so
// that a worker needs no file beside itself.
package models

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

//go:generate go run ./gen

//go:embed manifest.json
var manifest []byte

//go:embed beauty_v2.onnx
var beautyV2 []byte

// Model is one version of one model.
type Model struct {
	Name    string
	Version int
	// File is the name in this folder, SHA256 its sum in hexadecimal.
	File   string
	SHA256 string
	// Opset is the version of the default ONNX operator set that it needs.
	Opset           int
	Inputs, Outputs []Value
	// ONNX is the model itself. It must not be changed.
	ONNX []byte `json:"-"`
}

// Value is an input or an output. A dimension is a number (float64, as JSON has it) or the name of what it depends on.
type Value struct {
	Name  string
	Type  string
	Shape []any
}

// All returns every model of the manifest, with its content checked against its sum.
func All() ([]Model, error) {
	var all []Model
	if err := json.Unmarshal(manifest, &all); err != nil {
		return nil, fmt.Errorf("read model manifest: %w", err)
	}
	content := map[string][]byte{"beauty_v2.onnx": beautyV2}
	for i := range all {
		m := &all[i]
		m.ONNX = content[m.File]
		if sum := sha256.Sum256(m.ONNX); hex.EncodeToString(sum[:]) != m.SHA256 {
			return nil, fmt.Errorf("read model %s: %s does not match its sum in the manifest; run `go generate ./models`", m.Name, m.File)
		}
	}
	return all, nil
}

// Lookup returns the model of that name.
func Lookup(name string) (Model, error) {
	all, err := All()
	if err != nil {
		return Model{}, err
	}
	for _, m := range all {
		if m.Name == name {
			return m, nil
		}
	}
	return Model{}, fmt.Errorf("read model %s: it is not in the manifest", name)
}
