package recipe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quicedge/models"
)

func TestShippedPipelinesFitTheShippedModels(t *testing.T) {
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	known, inForce := shippedModels(t)
	for _, name := range []string{"beauty_v2", "fps_x2", "moderate", "transcode"} {
		r, ok := all[name]
		if !ok || r.Name != name {
			t.Errorf("%s is not shipped", name)
		}
		if err := r.Fits(known, inForce); err != nil {
			t.Error(err)
		}
	}
}

func shippedModels(t *testing.T) (map[string]models.Model, map[string]int) {
	t.Helper()
	all, err := models.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	known, inForce := map[string]models.Model{}, map[string]int{}
	for _, m := range all {
		known[m.Ref()], inForce[m.Name] = m, m.Version
	}
	return known, inForce
}

func TestParseReadsEveryKey(t *testing.T) {
	all, err := Parse("p.yaml", []byte(`
pipelines:
  strict:
    summary: everything
    stages:
      - {do: model, model: beauty_v2, version: 1, parameters: {strength: 0.5}}
      - {do: double_rate}
      - {do: moderate, model: colour_scores, per_second: 4, stop: {dark: 0.9}, hold: 2s}
    encoder: {codec: h265, preset: veryfast, crf: 28}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := all["strict"]
	if r.Encoder != (Encoder{"h265", "veryfast", 28}) || len(r.Stages) != 3 || r.Stages[0].Parameters["strength"] != 0.5 || r.Stages[2].Hold != 2*time.Second {
		t.Errorf("Parse = %+v", r)
	}
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(text)
	if err != nil || back.Name != "strict" || back.Stages[2].Stop["dark"] != 0.9 || back.Stages[2].Hold != 2*time.Second {
		t.Errorf("Decode(Encode) = %+v, %v", back, err)
	}
}

func TestParseNamesThePlaceAndTheCure(t *testing.T) {
	const head = "pipelines:\n  p:\n    summary: s\n"
	for name, c := range map[string]struct{ text, where, want string }{
		"empty":             {"", "p.yaml", "write one"},
		"no YAML":           {"pipelines: [", "p.yaml:1:12", "docs/video.md"},
		"unknown key":       {head + "    stage: []\n", "p.yaml:4:5", "stage"},
		"wrong type":        {head + "    stages: fast\n", "p.yaml:4:13", "docs/video.md"},
		"no pipelines":      {"pipelines: {}\n", "p.yaml", "names no pipeline"},
		"bad name":          {"pipelines:\n  My-Filter:\n    summary: s\n", "p.yaml:3:5", "small letters"},
		"no summary":        {"pipelines:\n  p:\n    stages: []\n", "p.yaml:3:5", "say in one sentence"},
		"unknown step":      {head + "    stages:\n      - do: sharpen\n", "p.yaml:5:13", `do "sharpen": use model`},
		"no model":          {head + "    stages:\n      - do: model\n", "p.yaml:5:9", "quicedge models list"},
		"meaningless":       {head + "    stages:\n      - {do: double_rate, model: a}\n", "p.yaml:5:34", "has no meaning for double_rate"},
		"twice":             {head + "    stages:\n      - do: double_rate\n      - do: double_rate\n", "p.yaml:6:13", "a second double_rate"},
		"no borders":        {head + "    stages:\n      - {do: moderate, model: a}\n", "p.yaml:5:10", "flag and stop are empty"},
		"border":            {head + "    stages:\n      - do: moderate\n        model: a\n        flag: {dark: -1}\n", "p.yaml:7:22", "above 0"},
		"endless border":    {head + "    stages:\n      - do: moderate\n        model: a\n        flag: {dark: .inf}\n", "p.yaml:7:22", "finite"},
		"too many a second": {head + "    stages:\n      - {do: moderate, model: a, flag: {a: 1}, per_second: 1000}\n", "p.yaml:5:60", "0.01 to 120"},
		"long hold":         {head + "    stages:\n      - {do: moderate, model: a, flag: {a: 1}, hold: 2h}\n", "p.yaml:5:54", "0s to 1m0s"},
		"codec":             {head + "    encoder: {codec: av1}\n", "p.yaml:4:22", "h264 or h265"},
		"preset":            {head + "    encoder: {preset: placebo}\n", "p.yaml:4:23", "ultrafast"},
		"crf":               {head + "    encoder:\n      crf: 80\n", "p.yaml:5:12", "1 (best) to 51"},
		"two documents":     {head + "---\n" + head, "p.yaml", "or several"},
		"alias":             {"pipelines:\n  p: &a\n    summary: s\n  q: *a\n", "p.yaml:2:6", "write the value out"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("p.yaml", []byte(c.text))
			var wrong *Error
			if !errors.As(err, &wrong) || wrong.Where != c.where || !strings.Contains(wrong.Reason, c.want) {
				t.Errorf("Parse = %v, want %s and %q", err, c.where, c.want)
			}
		})
	}
}

func TestFitsRefusesWhatTheModelsCannotDo(t *testing.T) {
	known, inForce := shippedModels(t)
	for name, c := range map[string]struct {
		stage Stage
		want  string
	}{
		"unknown model":     {Stage{Do: Model, Model: "nobody"}, "there is no model nobody"},
		"unknown version":   {Stage{Do: Model, Model: "beauty_v2", Version: 99}, "there is no model beauty_v2@99"},
		"scores as picture": {Stage{Do: Model, Model: "colour_scores"}, "use it with do: moderate"},
		"picture as scores": {Stage{Do: Moderate, Model: "beauty_v2", Flag: map[string]float32{"a": 1}}, "needs a classifier"},
		"label":             {Stage{Do: Moderate, Model: "colour_scores", Flag: map[string]float32{"cat": 1}}, "has no label cat"},
		"parameter":         {Stage{Do: Model, Model: "beauty_v2", Parameters: map[string]float32{"glow": 1}}, "has no parameter glow"},
		"its value":         {Stage{Do: Model, Model: "beauty_v2", Parameters: map[string]float32{"strength": 2}}, "takes 0 to 1"},
		"background":        {Stage{Do: Model, Model: "beauty_v2", Background: Dim}, "a mask needs a background"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Recipe{Name: "p", Stages: []Stage{c.stage}}.Fits(known, inForce)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Fits = %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestOperatorsFileComesOnTop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipelines.yaml")
	if err := os.WriteFile(path, []byte("pipelines:\n  transcode:\n    summary: mine\n  other:\n    summary: new\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if all["transcode"].Summary != "mine" || all["other"].Name != "other" || all["beauty_v2"].Name != "beauty_v2" {
		t.Errorf("Load = %+v", all)
	}
	if _, err := Load(path + ".gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of a missing file = %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(shipped)
	f.Add([]byte("pipelines:\n  p: &a\n    summary: s\n  q: *a\n"))
	f.Add([]byte("pipelines:\n  p: {summary: s, stages: [{do: moderate, model: a, flag: {a: .nan}}]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := Parse("p", text)
		var wrong *Error
		switch {
		case err != nil && (!errors.As(err, &wrong) || !strings.HasPrefix(wrong.Where, "p")):
			t.Errorf("Parse = %v", err)
		case err == nil && len(all) == 0:
			t.Error("Parse gave nothing, and no error")
		}
		for name, r := range all {
			if r.Name != name || r.validate() != nil {
				t.Errorf("Parse let %q pass: %+v", name, r)
			}
		}
	})
}
