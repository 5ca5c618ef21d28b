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

	"quicedge/models"
)

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
	files := map[string][]byte{}
	var all []models.Model
	for _, m := range shipped() {
		content := m.graph.Encode(m.entry.Name)
		sum := sha256.Sum256(content)
		m.entry.File, m.entry.SHA256 = m.entry.Name+".onnx", hex.EncodeToString(sum[:])
		files[m.entry.File] = content
		all = append(all, m.entry)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	if err := enc.Encode(map[string]any{"models": all}); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	files[models.ManifestName] = text.Bytes()
	return files, nil
}
