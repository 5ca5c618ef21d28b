package pipeline_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
	"quicedge/models"
	"quicedge/models/onnx"
	"quicedge/models/reference"
)

// through runs a clip through a pipeline.
func through(t *testing.T, p *pipeline.Pool, name, path string) ([]byte, pipeline.Stats, error) {
	t.Helper()
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	stats, err := p.Process(t.Context(), pipeline.Stream{Pipeline: name}, bytes.NewReader(in), &out, nil)
	return out.Bytes(), stats, err
}

func TestFrameRateIsDoubled(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	for name, spec := range map[string]testclip.Spec{
		"with audio":     {Audio: true},
		"ntsc":           {FPS: 30, Extra: []string{"-r", "30000/1001"}},
		"mpeg-ts":        {Format: testclip.MPEGTS, Audio: true},
		"one frame":      {Seconds: 0.04},
		"size not of 16": {Width: 322, Height: 182},
	} {
		t.Run(name, func(t *testing.T) {
			path := testclip.Make(t, spec)
			out, _, err := through(t, p, "fps_x2", path)
			if err != nil {
				t.Fatal(err)
			}
			before, after := testclip.Probe(t, path), testclip.ProbeBytes(t, out)
			if after.Frames != 2*before.Frames || after.AudioPackets != before.AudioPackets {
				t.Errorf("%d frames and %d audio packets of %d and %d", after.Frames, after.AudioPackets, before.Frames, before.AudioPackets)
			}
			if d := after.Duration - before.Duration; d.Abs() > 90*time.Millisecond {
				t.Errorf("it takes %s, the input %s", after.Duration, before.Duration)
			}
			evenly(t, testclip.Times(t, testclip.Save(t, out)))
		})
	}
}

// evenly wants steps between frames that differ by a millisecond at most.
func evenly(t *testing.T, times []time.Duration) {
	t.Helper()
	for i := 2; i < len(times); i++ {
		if d := (times[i] - times[i-1]) - (times[i-1] - times[i-2]); d.Abs() > time.Millisecond {
			t.Fatalf("frame %d comes after %s, the one before after %s", i, times[i]-times[i-1], times[i-1]-times[i-2])
		}
	}
}

func TestPictureBeforeACutIsRepeated(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	// From frame 13 on the picture is turned round and negated: another shot.
	path := testclip.Make(t, testclip.Spec{Seconds: 1, Extra: []string{"-vf", "negate=enable='gte(n,13)',hflip=enable='gte(n,13)'"}})
	out, _, err := through(t, p, "fps_x2", path)
	if err != nil {
		t.Fatal(err)
	}
	frames := testclip.Pictures(t, testclip.Save(t, out))
	if same, other := meanAbsolute(frames[24].Y, frames[25].Y), meanAbsolute(frames[25].Y, frames[26].Y); same > 3 || other < 20 {
		t.Errorf("the picture between two shots is %.1f levels from the one before and %.1f from the one after", same, other)
	}
}

const moderating = `
pipelines:
  strict:
    summary: ends what is black
    stages:
      - {do: moderate, model: colour_scores, per_second: 4, flag: {dark: 0.5}, stop: {dark: 0.9}, hold: 1s}
`

func TestBlackVideoIsFlagged(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	black := testclip.Make(t, testclip.Spec{Extra: []string{"-vf", "lutyuv=y=16:u=128:v=128"}})
	for path, flagged := range map[string]bool{black: true, testclip.Make(t, testclip.Spec{}): false} {
		out, stats, err := through(t, p, "moderate", path)
		if err != nil {
			t.Fatal(err)
		}
		if len(out) == 0 || len(stats.Verdicts) != 4 || stats.Judged != 4 {
			t.Fatalf("%d bytes and %d verdicts of 2 s at 2 a second", len(out), len(stats.Verdicts))
		}
		for i, v := range stats.Verdicts {
			if slices.Contains(v.Flagged, "dark") != flagged || v.Model != "colour_scores@1" || len(v.Scores) != 4 {
				t.Errorf("verdict %d: %+v", i, v)
			}
			if want := time.Duration(i) * 500 * time.Millisecond; v.Position < want || v.Position > want+40*time.Millisecond {
				t.Errorf("verdict %d is of %s, want %s", i, v.Position, want)
			}
		}
	}
}

func TestVideoThatIsRefusedSendsNothingAndItsWorkerGoesOn(t *testing.T) {
	p := newPool(t, pipeline.Config{Pipelines: pipelines(t, moderating)})
	worker := p.PIDs()
	// Black from 0.6 s on: within what is held back.
	path := testclip.Make(t, testclip.Spec{Extra: []string{"-vf", "lutyuv=y=16:u=128:v=128:enable='gte(t,0.6)'"}})
	out, stats, err := through(t, p, "strict", path)
	var moderated *pipeline.ModeratedError
	if !errors.As(err, &moderated) || moderated.Verdict.Stop != "dark" || len(stats.Verdicts) != 4 {
		t.Fatalf("Process = %+v, %v", stats, err)
	}
	if len(out) != 0 {
		t.Errorf("%d bytes were sent before it was refused", len(out))
	}
	if n := metric(t, p, "jobs_total", "moderated"); n != 1 {
		t.Errorf("%v jobs are counted as moderated, want 1", n)
	}
	if _, _, err := through(t, p, "strict", testclip.Make(t, testclip.Spec{Audio: true})); err != nil {
		t.Error(err)
	}
	if now := p.PIDs(); !slices.Equal(now, worker) {
		t.Errorf("workers were %v, now %v", worker, now)
	}
}

const ownPipelines = `
pipelines:
  dark:
    summary: halves the light
    stages:
      - {do: model, model: halve}
    encoder: {preset: ultrafast, crf: 12}
  left:
    summary: keeps the colours of what is bright
    stages:
      - {do: model, model: bright, background: grey}
    encoder: {preset: ultrafast, crf: 12}
  both:
    summary: two stages
    stages:
      - {do: model, model: beauty_v2, parameters: {strength: 0}}
      - {do: double_rate}
      - {do: model, model: halve}
`

func TestUsersOwnModelsMakePicturesAndMasks(t *testing.T) {
	s := newShelf(t)
	m, content := own("halve", models.Image, 3, func(g *onnx.Graph, x string) string {
		return g.Op("Mul", []string{x, g.Scalar(0.5)})
	})
	s.put(t, m, content)
	m, content = own("bright", models.Mask, 1, func(g *onnx.Graph, x string) string {
		mean := g.Op("ReduceMean", []string{x}, onnx.With("axes", []int{3}), onnx.With("keepdims", 1))
		return g.Op("Cast", []string{g.Op("Greater", []string{mean, g.Scalar(2)})}, onnx.With("to", onnx.Float)) // nothing is
	})
	s.put(t, m, content)
	p := newPool(t, pipeline.Config{Models: s.dir, Pipelines: pipelines(t, ownPipelines)})
	path := testclip.Make(t, testclip.Spec{Seconds: 0.4})
	before := testclip.Pictures(t, path)

	out, _, err := through(t, p, "dark", path)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range testclip.Pictures(t, testclip.Save(t, out)) {
		want := make([]byte, len(f.Y))
		for k, v := range before[i].Y {
			want[k] = byte(16 + max(int(v)-16, 0)/2)
		}
		if d := meanAbsolute(f.Y, want); d > 6 {
			t.Errorf("frame %d is %.1f levels from half of its light", i, d)
		}
	}
	if out, _, err = through(t, p, "left", path); err != nil {
		t.Fatal(err)
	}
	for i, f := range testclip.Pictures(t, testclip.Save(t, out)) {
		if d := meanAbsolute(f.Cb, bytes.Repeat([]byte{128}, len(f.Cb))); d > 1 {
			t.Errorf("frame %d has %.1f levels of colour, the mask says none", i, d)
		}
		if d := meanAbsolute(f.Y, before[i].Y); d > 4 {
			t.Errorf("frame %d lost %.1f levels of luma", i, d)
		}
	}
	if _, stats, err := through(t, p, "both", path); err != nil || int(stats.Frames) != 2*len(before) {
		t.Errorf("three stages made %d frames of %d: %v", stats.Frames, len(before), err)
	}
}

func TestStrengthIsAParameterOfThePipeline(t *testing.T) {
	p := newPool(t, pipeline.Config{Pipelines: pipelines(t, `
pipelines:
  weak:
    summary: next to nothing
    stages: [{do: model, model: beauty_v2, parameters: {strength: 0.1}}]
`)})
	path := testclip.Make(t, testclip.Spec{Seconds: 0.4})
	rough := map[string]float64{}
	for _, name := range []string{"weak", "beauty_v2"} {
		out, _, err := through(t, p, name, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range testclip.Pictures(t, testclip.Save(t, out)) {
			rough[name] += reference.Roughness(f, f.Luma())
		}
	}
	if rough["weak"] < 2*rough["beauty_v2"] {
		t.Errorf("roughness is %.1f with a strength of 0.1 and %.1f with 1", rough["weak"], rough["beauty_v2"])
	}
}
