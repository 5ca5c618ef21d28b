package pipeline_test

import (
	"testing"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

// The least memory that a worker is given carries what the documentation says it does.
func TestLeastMemoryOfAWorkerCarriesFullHD(t *testing.T) {
	p := newPool(t, pipeline.Config{MaxMemory: pipeline.LeastMemory})
	clip := testclip.Read(t, testclip.Spec{Width: 1920, Height: 1080, Seconds: 1, Audio: true})
	if _, stats, err := process(t, p, clip); err != nil || stats.Frames != 25 {
		t.Errorf("%d frames, %v", stats.Frames, err)
	}
}
