package pipeline_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

func TestSizeThatChangesOnTheWayIsScaledToTheFirst(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	for _, codec := range []testclip.Format{testclip.AnnexB, testclip.AnnexBH265} {
		t.Run(string(codec), func(t *testing.T) {
			spec := testclip.Spec{Width: 320, Height: 180, Seconds: 1, Format: codec}
			if codec == testclip.AnnexBH265 {
				spec.Codec = "libx265"
			}
			body := testclip.Read(t, spec)
			spec.Width, spec.Height = 192, 240
			out, stats, err := process(t, p, append(body, testclip.Read(t, spec)...))
			if err != nil {
				t.Fatal(err)
			}
			after := testclip.ProbeBytes(t, out)
			if after.Frames != 50 || after.Width != 320 || after.Height != 180 || stats.BytesCopied != 25*320*180*3/2 {
				t.Errorf("%+v, stats %+v", after, stats)
			}
		})
	}
}

// The file for an MP4 is as large as a body may be.
func TestAnswersThatCannotBeMadeAreRefused(t *testing.T) {
	p := newPool(t, pipeline.Config{MaxInput: 200_000})
	clip := testclip.Read(t, testclip.Spec{Width: 64, Height: 48, Seconds: 2})
	large := testclip.Read(t, testclip.Spec{Width: 640, Height: 360, Seconds: 4, Extra: []string{"-crf", "40", "-preset", "veryslow"}})
	turned := testclip.Read(t, testclip.Spec{Width: 64, Height: 48, Rotate: 90})
	flac := testclip.Read(t, testclip.Spec{Width: 64, Height: 48, Audio: true, AudioCodec: "flac", Format: testclip.Matroska})
	for name, tc := range map[string]struct {
		body   []byte
		format string
		want   string
	}{
		"a small mp4":          {clip, "mp4", ""},
		"mpeg-ts, upright":     {clip, "ts", ""},
		"an mp4 over its file": {large, "mp4", "ask for fragmented MP4"},
		"mpeg-ts, turned":      {turned, "ts", "ask for MP4"},
		"mpeg-ts with flac":    {flac, "ts", "ask for MP4"},
		"mp4 with flac":        {flac, "mp4", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "transcode", Format: tc.format}, bytes.NewReader(tc.body), io.Discard, nil)
			var media *pipeline.MediaError
			if tc.want == "" && err != nil || tc.want != "" && (!errors.As(err, &media) || !strings.Contains(media.Reason, tc.want)) {
				t.Errorf("Process = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestFormatAndCodecThatThereAreNotAreRefused(t *testing.T) {
	for field, s := range map[string]pipeline.Stream{
		"format": {Pipeline: "transcode", Format: "avi"},
		"codec":  {Pipeline: "transcode", Codec: "vp8"},
	} {
		var invalid *pipeline.InvalidError
		if err := s.Validate(); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
