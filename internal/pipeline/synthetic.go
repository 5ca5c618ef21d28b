package pipeline

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"quicedge/internal/pipeline/wire"
)

// The limits of a synthetic request. Sizes are those a worker takes from a video too: even, because 4:2:0 halves both
// axes, and 3840x2160 pixels at most. The limit of a request is 1000 frames of 1920x1080, about a minute of one core.
const (
	MinSize    = 16
	MaxSize    = 4096
	MaxFrames  = 1000
	maxPicture = 3840 * 2160
	maxPixels  = MaxFrames * 1920 * 1080
	sizeReason = "must be an even number from 16 to 4096"
)

// SyntheticRequest asks for FrameCount made-up frames of Width x Height pixels to be run through a pipeline.
type SyntheticRequest struct {
	Width, Height, FrameCount int
	Pipeline                  string
}

// Validate returns an *InvalidError for the first field outside its range: width and height even, 16 to 4096, and
// no more pixels than 3840x2160; frame_count 1 to 1000, and at most as many pixels in all as 1000 frames of 1920x1080.
// Whether there is such a pipeline, a Pool knows.
func (r SyntheticRequest) Validate() error {
	for _, size := range []struct {
		field string
		value int
	}{{"width", r.Width}, {"height", r.Height}} {
		if size.value < MinSize || size.value > MaxSize || size.value%2 != 0 {
			return &InvalidError{Field: size.field, Value: strconv.Itoa(size.value), Reason: sizeReason}
		}
	}
	if most := maxPicture / r.Width &^ 1; r.Height > most {
		reason := fmt.Sprintf("must be at most %d at a width of %d", most, r.Width)
		return &InvalidError{Field: "height", Value: strconv.Itoa(r.Height), Reason: reason}
	}
	if r.FrameCount < 1 || r.FrameCount > MaxFrames {
		return &InvalidError{Field: "frame_count", Value: strconv.Itoa(r.FrameCount), Reason: fmt.Sprintf("must be a number from 1 to %d", MaxFrames)}
	}
	if most := maxPixels / (r.Width * r.Height); r.FrameCount > most {
		reason := fmt.Sprintf("must be at most %d at %dx%d", most, r.Width, r.Height)
		return &InvalidError{Field: "frame_count", Value: strconv.Itoa(r.FrameCount), Reason: reason}
	}
	return nil
}

// SyntheticResult is the time that took, in all and by stage: generate, infer, encode, mux.
type SyntheticResult struct {
	Pipeline                  string
	Width, Height, FrameCount int
	Elapsed                   time.Duration
	Stages                    map[string]time.Duration
}

// Synthetic makes frames in a worker, runs them through the pipeline and encodes them. The video is dropped; the times
// are the answer. Errors are those of Process, and *InvalidError.
func (p *Pool) Synthetic(ctx context.Context, req SyntheticRequest) (SyntheticResult, error) {
	if err := req.Validate(); err != nil {
		return SyntheticResult{}, err
	}
	job := wire.Job{
		Kind: wire.KindSynthetic, Pipeline: req.Pipeline,
		Width: req.Width, Height: req.Height, FrameCount: req.FrameCount,
	}
	if _, err := p.Library().Lookup(req.Pipeline); err != nil {
		reason := "must be one of " + strings.Join(p.Library().Names(), ", ")
		return SyntheticResult{}, &InvalidError{Field: "pipeline", Value: strconv.Quote(req.Pipeline), Reason: reason}
	}
	done, err := p.run(ctx, job, strings.NewReader(""), io.Discard, nil)
	if err != nil {
		return SyntheticResult{}, err
	}
	return SyntheticResult{
		Pipeline: req.Pipeline, Width: done.Width, Height: done.Height, FrameCount: int(done.Frames),
		Elapsed: done.Elapsed, Stages: done.Stages,
	}, nil
}
