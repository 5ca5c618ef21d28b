package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryShippedModelSaysWhatItIsAndIsNot(t *testing.T) {
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if len(m.ONNX) == 0 || m.Summary == "" || m.Is == "" || m.IsNot == "" {
			t.Errorf("incomplete entry: %+v", m)
		}
	}
}

// folder copies the shipped models into a folder, after edit.
func folder(t *testing.T, edit func(all []Model) []Model) string {
	t.Helper()
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, m := range all {
		if err := os.WriteFile(filepath.Join(dir, m.File), m.ONNX, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(manifest{edit(all)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestName), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOperatorsFolderHoldsVersionsSideBySide(t *testing.T) {
	dir := folder(t, func(all []Model) []Model {
		second := all[0]
		second.Version = 2
		return append(all, second)
	})
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[2].Ref() != "beauty_v2@2" || !bytes.Equal(all[2].ONNX, all[0].ONNX) {
		t.Errorf("Load = %d models", len(all))
	}
}

func TestLoadRefusesAFileThatIsNotWhatTheManifestSays(t *testing.T) {
	for name, spoil := range map[string]struct {
		do   func(dir string) error
		want string
	}{
		"truncated":   {func(dir string) error { return os.Truncate(filepath.Join(dir, "beauty_v2.onnx"), 100) }, "has the sha256"},
		"gone":        {func(dir string) error { return os.Remove(filepath.Join(dir, "beauty_v2.onnx")) }, "no such file"},
		"no manifest": {func(dir string) error { return os.Remove(filepath.Join(dir, ManifestName)) }, "write one"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, func(all []Model) []Model { return all })
			if err := spoil.do(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), spoil.want) {
				t.Errorf("Load = %v, want %q in it", err, spoil.want)
			}
		})
	}
}

func TestParseNamesThePlaceAndTheCure(t *testing.T) {
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	entry := func(edit func(*Model)) string {
		m := all[1]
		edit(&m)
		text, err := json.Marshal(manifest{[]Model{m}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":        {"{\n  \"models\": [}", "m.json:2:14"},
		"cut":            {`{"models": [`, "ends too early"},
		"unknown key":    {"{\n \"model\": []}", `unknown field "model"`},
		"wrong type":     {"{\"models\":\n [{\"version\": \"one\"}]}", "m.json:2:19: models.version is a string: want a int"},
		"two documents":  {`{"models": []}{}`, "more follows"},
		"empty":          {`{"models": []}`, "lists no model"},
		"name":           {entry(func(m *Model) { m.Name = "../x" }), `name "../x": use small letters`},
		"version":        {entry(func(m *Model) { m.Version = 0 }), "version 0: use 1 or more"},
		"folder in file": {entry(func(m *Model) { m.File = "../etc/passwd" }), "beside the manifest"},
		"sum":            {entry(func(m *Model) { m.SHA256 = "00" }), "sha256sum colour_scores.onnx"},
		"layout":         {entry(func(m *Model) { m.Input.Layout = "NHCW" }), `input.layout "NHCW": use one of NCHW, NHWC`},
		"colour":         {entry(func(m *Model) { m.Input.Colour = "hsv" }), "use one of luma, rgb, bgr, yuv420"},
		"one side":       {entry(func(m *Model) { m.Input.Height = 0 }), "give both sides"},
		"bytes in 0..1":  {entry(func(m *Model) { m.Input.Type = Uint8 }), "bytes are 0..255"},
		"mean":           {entry(func(m *Model) { m.Input.Range = Normal; m.Input.Mean = []float32{1} }), "take 3 each"},
		"std": {entry(func(m *Model) {
			m.Input.Range = Normal
			m.Input.Mean = make([]float32, 3)
			m.Input.Std = make([]float32, 3)
		}), "above 0"},
		"no labels": {entry(func(m *Model) { m.Output.Labels = nil }), "name each score"},
		"long labels": {entry(func(m *Model) {
			m.Output.Labels = nil
			for i := range 300 {
				m.Output.Labels = append(m.Output.Labels, fmt.Sprintf("label_%050d", i))
			}
		}), "12000, so that a verdict fits"},
		"many parameters": {entry(func(m *Model) { m.Parameters = make([]Parameter, 33) }), "at most 32"},
		"label twice":     {entry(func(m *Model) { m.Output.Labels = []string{"a", "a"} }), "each label once"},
		"parameter":       {entry(func(m *Model) { m.Parameters = []Parameter{{Name: "rgb"}} }), "no name of another input"},
		"its default":     {entry(func(m *Model) { m.Parameters = []Parameter{{Name: "p", Default: 2, Max: 1}} }), "min <= default <= max"},
		"threads":         {entry(func(m *Model) { m.Options.Threads = 1000 }), "use 1 to 64"},
		"provider":        {entry(func(m *Model) { m.Options.Provider = "tpu" }), "use one of auto, cpu, cuda"},
		"planes and size": {entry(func(m *Model) { m.Input.Colour = YUV420 }), "takes the decoder's planes"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse("m.json", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse = %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestParseRefusesTwoEntriesOfOneVersion(t *testing.T) {
	for name, edit := range map[string]struct {
		do   func(all []Model) []Model
		want string
	}{
		"same version": {func(all []Model) []Model { return append(all, all[0]) }, "listed twice"},
		"two in force": {func(all []Model) []Model {
			second := all[0]
			second.Version, second.Default, all[0].Default = 2, true, true
			return append(all, second)
		}, "mark one"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(folder(t, edit.do)); err == nil || !strings.Contains(err.Error(), edit.want) {
				t.Errorf("Load = %v, want %q in it", err, edit.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	text, err := shipped.ReadFile(ManifestName)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"models":[{"name":"a","version":1,"file":"a"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := Parse("m", text)
		if err == nil && len(all) == 0 || err != nil && !strings.HasPrefix(err.Error(), "read model manifest: m:") {
			t.Errorf("Parse = %d models, %v", len(all), err)
		}
		for _, m := range all {
			if err == nil && (!ValidName(m.Name) || m.File != filepath.Base(m.File)) {
				t.Errorf("Parse let %q in %q pass", m.Name, m.File)
			}
		}
	})
}
