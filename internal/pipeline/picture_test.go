package pipeline_test

import (
	"bytes"
	"errors"
	"image"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

func TestPatternIsAVideoThatHasSkinAndIsAlwaysTheSame(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := p.Pattern(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("%d bytes, then %d others", first.Len(), second.Len())
	}
	got := testclip.ProbeBytes(t, first.Bytes())
	if got.Frames != 150 || got.Width != 640 || got.Height != 360 || got.Duration != 5*time.Second {
		t.Errorf("got %+v", got)
	}
	shown, err := p.Picture(t.Context(), bytes.NewReader(first.Bytes()), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, _ := shown.At(320, 200).RGBA() // the middle of the face
	if r>>8 < 170 || g>>8 > r>>8-20 || b>>8 > g>>8 {
		t.Errorf("the face is %d %d %d", r>>8, g>>8, b>>8)
	}
}

func TestPictureIsTheFrameThatWasAskedFor(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	for _, format := range []testclip.Format{testclip.MP4, testclip.MP4IndexLast, testclip.MPEGTS} {
		clip := testclip.Read(t, testclip.Spec{Format: format})
		for _, tc := range []struct {
			frame int64
			at    time.Duration
			want  time.Duration
		}{{0, 0, 0}, {10, 0, 400 * time.Millisecond}, {0, time.Second, time.Second}, {49, 0, 1960 * time.Millisecond}, {5, 300 * time.Millisecond, 320 * time.Millisecond}} {
			got, err := p.Picture(t.Context(), bytes.NewReader(clip), tc.frame, tc.at)
			if err != nil || got.Time.Round(time.Millisecond) != tc.want || got.Bounds() != image.Rect(0, 0, 640, 360) {
				t.Errorf("%s: frame %d, %s: %v %v, %v", format, tc.frame, tc.at, got.Time, got.Bounds(), err)
			}
		}
		var media *pipeline.MediaError
		if _, err := p.Picture(t.Context(), bytes.NewReader(clip), 50, 0); !errors.As(err, &media) {
			t.Errorf("%s: a frame after the last: %v", format, err)
		}
	}
	if _, err := p.Picture(t.Context(), bytes.NewReader(nil), 0, 0); err == nil {
		t.Error("a picture of nothing")
	}
}
