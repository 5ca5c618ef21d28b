// Package models holds the ONNX models of the video pipelines, and reads those of an operator. The ones that are embedded are
// small and made by models/gen, so that a node needs no file beside itself.
//
// A model is known by name and version, written beauty_v2@1. Its entry in a manifest says how a picture becomes its input and
// what its output is used for: its contract.
package models

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
)

//go:generate go run ./gen

//go:embed manifest.json *.onnx
var shipped embed.FS

// ManifestName is the file that describes the models beside it.
const ManifestName = "manifest.json"

// MaxModel bounds a model's file, in bytes: it is kept in memory by the node and by each worker.
const MaxModel = 512 << 20

// Model is one version of one model.
type Model struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	// Default marks the version that is in force where a pipeline names none; without a mark it is the highest.
	Default bool `json:"default,omitempty"`
	// File is the name beside the manifest, SHA256 its sum in hexadecimal.
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// Summary says what it does; Is how it came to be and what it was made for; IsNot what it must not be taken for.
	Summary string `json:"summary"`
	Is      string `json:"is"`
	IsNot   string `json:"is_not"`

	Input      Input       `json:"input"`
	Output     Output      `json:"output"`
	Parameters []Parameter `json:"parameters,omitempty"`
	Options    Options     `json:"options"`

	// ONNX is the model itself. It must not be changed.
	ONNX []byte `json:"-"`
}

// Ref is the model as messages and jobs name it: beauty_v2@1.
func (m Model) Ref() string { return Ref(m.Name, m.Version) }

// Ref joins a name and a version.
func Ref(name string, version int) string { return fmt.Sprintf("%s@%d", name, version) }

// Shipped returns the models in this program, each with its content checked against its sum.
func Shipped() ([]Model, error) { return load(shipped, "shipped models: ") }

// Load returns the models of an operator's folder, which holds manifest.json and the files that it names. The error names
// file, place and cure.
func Load(folder string) ([]Model, error) { return load(os.DirFS(folder), folder+"/") }

func load(files fs.FS, where string) ([]Model, error) {
	text, err := fs.ReadFile(files, ManifestName)
	if err != nil {
		return nil, fmt.Errorf("read model manifest: %s%w; write one, docs/video.md shows how", where, err)
	}
	all, err := Parse(where+ManifestName, text)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := all[i].read(files, where); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// read takes the content in, and compares it with its sum.
func (m *Model) read(files fs.FS, where string) error {
	info, err := fs.Stat(files, m.File)
	if err == nil && info.Size() > MaxModel {
		err = fmt.Errorf("%d bytes: at most %d MiB are taken", info.Size(), MaxModel>>20)
	}
	if err == nil {
		m.ONNX, err = fs.ReadFile(files, m.File)
	}
	if err != nil {
		return fmt.Errorf("read model %s: %s%s: %w", m.Ref(), where, m.File, err)
	}
	sum := sha256.Sum256(m.ONNX)
	if got := hex.EncodeToString(sum[:]); got != m.SHA256 {
		return fmt.Errorf("read model %s: %s%s has the sha256 %s, its manifest says %s: copy the file again, or correct the manifest", m.Ref(), where, m.File, got, m.SHA256)
	}
	return nil
}
