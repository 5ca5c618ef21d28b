// Command gen writes the ONNX models of package models and their manifest. It is run by `go generate ./models`, and
// gives the same bytes every time.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

// entry is one model in manifest.json; package models reads it.
type entry struct {
	Name    string  `json:"name"`
	Version int     `json:"version"`
	File    string  `json:"file"`
	SHA256  string  `json:"sha256"`
	Opset   int     `json:"opset"`
	Inputs  []value `json:"inputs"`
	Outputs []value `json:"outputs"`
}

func main() {
	files, err := generate()
	for name, content := range files {
		if err == nil {
			err = os.WriteFile(name, content, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate returns the content of every generated file by name.
func generate() (map[string][]byte, error) {
	g, inputs, outputs := beauty()
	model := g.encode("beauty_v2")
	sum := sha256.Sum256(model)
	manifest := []entry{{
		Name: "beauty_v2", Version: 1, File: "beauty_v2.onnx", SHA256: hex.EncodeToString(sum[:]),
		Opset: opset, Inputs: inputs, Outputs: outputs,
	}}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	if err := enc.Encode(manifest); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return map[string][]byte{"beauty_v2.onnx": model, "manifest.json": text.Bytes()}, nil
}
