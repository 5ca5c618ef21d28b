package pipeline_test

import (
	"errors"
	"strings"
	"testing"

	"quicedge/internal/pipeline"
)

func TestSyntheticRequestOutsideItsRangeNamesTheField(t *testing.T) {
	good := pipeline.SyntheticRequest{Width: 640, Height: 360, FrameCount: 10, Pipeline: "beauty_v2"}
	if err := good.Validate(); err != nil {
		t.Fatalf("the example of the handbook: %v", err)
	}
	for name, tc := range map[string]struct {
		change func(*pipeline.SyntheticRequest)
		field  string
		value  string
	}{
		"width 0":               {func(r *pipeline.SyntheticRequest) { r.Width = 0 }, "width", "0"},
		"width 100000":          {func(r *pipeline.SyntheticRequest) { r.Width = 100000 }, "width", "100000"},
		"odd width":             {func(r *pipeline.SyntheticRequest) { r.Width = 641 }, "width", "641"},
		"height below 0":        {func(r *pipeline.SyntheticRequest) { r.Height = -2 }, "height", "-2"},
		"height 14":             {func(r *pipeline.SyntheticRequest) { r.Height = 14 }, "height", "14"},
		"no frames":             {func(r *pipeline.SyntheticRequest) { r.FrameCount = 0 }, "frame_count", "0"},
		"ten million frames":    {func(r *pipeline.SyntheticRequest) { r.FrameCount = 10_000_000 }, "frame_count", "10000000"},
		"too large a picture":   {func(r *pipeline.SyntheticRequest) { r.Width, r.Height = 4096, 2026 }, "height", "2026"},
		"too many large frames": {func(r *pipeline.SyntheticRequest) { r.Width, r.Height, r.FrameCount = 3840, 2160, 251 }, "frame_count", "251"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			tc.change(&r)
			var invalid *pipeline.InvalidError
			if err := r.Validate(); !errors.As(err, &invalid) {
				t.Fatalf("Validate = %v", err)
			}
			if invalid.Field != tc.field || invalid.Value != tc.value || !strings.HasPrefix(invalid.Reason, "must be ") {
				t.Errorf("Validate = %+v", invalid)
			}
		})
	}
}

func TestSyntheticFramesGoThroughEveryStage(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	for _, r := range []pipeline.SyntheticRequest{
		{Width: 640, Height: 360, FrameCount: 10, Pipeline: "beauty_v2"},
		{Width: 16, Height: 16, FrameCount: 1, Pipeline: "beauty_v2"},
		{Width: 4096, Height: 16, FrameCount: 2, Pipeline: "beauty_v2"},
		{Width: 4096, Height: 2024, FrameCount: 2, Pipeline: "beauty_v2"},
	} {
		got, err := p.Synthetic(t.Context(), r)
		if err != nil {
			t.Fatalf("%dx%d: %v", r.Width, r.Height, err)
		}
		if got.FrameCount != r.FrameCount || got.Width != r.Width || got.Height != r.Height || got.Pipeline != r.Pipeline {
			t.Errorf("asked for %+v, got %+v", r, got)
		}
		for _, stage := range []string{"generate", "infer", "encode"} {
			if got.Stages[stage] <= 0 || got.Stages[stage] > got.Elapsed {
				t.Errorf("%dx%d: %s took %s of %s", r.Width, r.Height, stage, got.Stages[stage], got.Elapsed)
			}
		}
	}
}

func TestInvalidPipelineOfASyntheticRequestIsUnknownToo(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	_, err := p.Synthetic(t.Context(), pipeline.SyntheticRequest{Width: 640, Height: 360, FrameCount: 1, Pipeline: "nobody"})
	if !errors.Is(err, pipeline.ErrUnknownPipeline) {
		t.Errorf("Synthetic = %v", err)
	}
}
