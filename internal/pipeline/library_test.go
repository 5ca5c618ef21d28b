package pipeline_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"quicedge/models"
	"quicedge/models/onnx"
)

// shelf is an operator's folder of models.
type shelf struct {
	dir string
	all []models.Model
}

func newShelf(t *testing.T) *shelf { return &shelf{dir: t.TempDir()} }

// put adds a model, its content as given, and writes the manifest anew.
func (s *shelf) put(t *testing.T, m models.Model, content []byte) {
	t.Helper()
	sum := sha256.Sum256(content)
	m.File, m.SHA256 = m.Name+"-"+string(rune('0'+m.Version))+".onnx", hex.EncodeToString(sum[:])
	s.all = append(s.all, m)
	s.write(t, m.File, content)
	s.manifest(t)
}

func (s *shelf) manifest(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"models": s.all})
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, models.ManifestName, text)
}

func (s *shelf) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// negative is a version of beauty_v2 that makes dark of light: its pictures cannot be taken for those of version 1.
func negative(version int) (models.Model, []byte) {
	g := &onnx.Graph{}
	g.Input("y", onnx.Uint8, 1, 1, "h", "stride")
	g.Input("cb", onnx.Uint8, 1, 1, "h2", "s2")
	g.Input("cr", onnx.Uint8, 1, 1, "h2", "s2")
	g.Input("width", onnx.Int64, 1)
	g.Input("strength", onnx.Float, 1)
	g.Output("out", onnx.Uint8, 1, 1, "h", "w")
	luma := g.Op("Slice", []string{"y", g.Ints(0), "width", g.Ints(3)})
	level := g.Op("Cast", []string{luma}, onnx.With("to", onnx.Float))
	g.OpTo("out", "Cast", []string{g.Op("Sub", []string{g.Scalar(255), level})}, onnx.With("to", onnx.Uint8))
	return models.Model{
		Name: "beauty_v2", Version: version,
		Input:      models.Input{Type: models.Uint8, Layout: models.NCHW, Colour: models.YUV420, Range: models.Bytes},
		Output:     models.Output{Name: "out", Use: models.Image},
		Parameters: []models.Parameter{{Name: "strength", Default: 1, Min: 0, Max: 1}},
	}, g.Encode("negative")
}

// own is a user's model over RGB in floats, of one operator after another.
func own(name string, use models.Use, channels int, op func(g *onnx.Graph, x string) string) (models.Model, []byte) {
	g := &onnx.Graph{}
	g.Input("image", onnx.Float, 1, "h", "w", 3)
	g.Output("result", onnx.Float, 1, "h", "w", channels)
	g.OpTo("result", "Identity", []string{op(g, "image")})
	return models.Model{
		Name: name, Version: 1, Output: models.Output{Name: "result", Use: use},
		Input: models.Input{Name: "image", Type: models.Float32, Layout: models.NHWC, Colour: models.RGB, Range: models.Unit},
	}, g.Encode(name)
}

// pipelines writes a file of pipelines.
func pipelines(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipelines.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
