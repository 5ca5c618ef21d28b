package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
	"quicedge/internal/pipeline/testworker"
)

// newPool returns a pool that ends with the test.
func newPool(t *testing.T, cfg pipeline.Config) *pipeline.Pool {
	t.Helper()
	cfg.Worker = testworker.Path(t)
	if cfg.Workers == 0 {
		cfg.Workers = 1
	}
	p, err := pipeline.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

// process runs in through beauty_v2.
func process(t *testing.T, p *pipeline.Pool, in []byte) ([]byte, pipeline.Stats, error) {
	t.Helper()
	var out bytes.Buffer
	stats, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(in), &out, nil)
	return out.Bytes(), stats, err
}

func TestOutputHasTheFramesAndTheAudioOfTheInput(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	for name, spec := range map[string]testclip.Spec{
		"mp4":                {Audio: true, Seconds: 10},
		"mp4, index last":    {Audio: true, Seconds: 10, Format: testclip.MP4IndexLast},
		"mp4, fragmented":    {Audio: true, Format: testclip.MP4Fragmented},
		"mpeg-ts":            {Audio: true, Seconds: 10, Format: testclip.MPEGTS},
		"annex b":            {Seconds: 10, Format: testclip.AnnexB},
		"flv":                {Audio: true, Format: testclip.FLV},
		"no audio":           {},
		"h.265":              {Codec: "libx265", Extra: []string{"-x265-params", "log-level=error"}, Audio: true},
		"4:4:4":              {PixelFormat: "yuv444p"},
		"full range":         {PixelFormat: "yuvj420p"},
		"10 bit":             {PixelFormat: "yuv420p10le"},
		"size not of 16":     {Width: 322, Height: 182, Audio: true},
		"60 frames a second": {FPS: 60, Audio: true},
		"ntsc rate":          {FPS: 30, Extra: []string{"-r", "30000/1001"}},
		"smallest":           {Width: 16, Height: 16, Seconds: 1},
		"1080p":              {Width: 1920, Height: 1080, Seconds: 1},
		"one frame":          {Seconds: 0.04},
		"audio starts late":  {Audio: true, Extra: []string{"-af", "adelay=0,asetpts=PTS+0.5/TB"}},
		"held upright (90°)": {Audio: true, Extra: []string{"-metadata:s:v:0", "rotate=90"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := testclip.Make(t, spec)
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out, stats, err := process(t, p, in)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, path, in, out, stats)
		})
	}
}

// tolerance is one frame of 25 a second and a bit; the duration that ffmpeg writes into FLV is two frames too long.
const tolerance = 90 * time.Millisecond

func compare(t *testing.T, path string, in, out []byte, stats pipeline.Stats) {
	t.Helper()
	before, after := testclip.Probe(t, path), testclip.ProbeBytes(t, out)
	if after.Frames != before.Frames || after.AudioPackets != before.AudioPackets {
		t.Errorf("%d frames and %d audio packets, the input has %d and %d", after.Frames, after.AudioPackets, before.Frames, before.AudioPackets)
	}
	if after.Width != before.Width || after.Height != before.Height || after.Rotation != before.Rotation {
		t.Errorf("%dx%d turned by %d, the input is %dx%d by %d", after.Width, after.Height, after.Rotation, before.Width, before.Height, before.Rotation)
	}
	if after.VideoCodec != "h264" || after.AudioCodec != before.AudioCodec {
		t.Errorf("codecs are %s and %q, the input has audio %q", after.VideoCodec, after.AudioCodec, before.AudioCodec)
	}
	if d := after.Duration - before.Duration; before.Duration > 0 && d.Abs() > tolerance {
		t.Errorf("duration is %s, that of the input %s", after.Duration, before.Duration)
	}
	if lag, was := after.AudioStart-after.VideoStart, before.AudioStart-before.VideoStart; before.AudioPackets > 0 && (lag-was).Abs() > 25*time.Millisecond {
		t.Errorf("audio starts %s after the picture, in the input %s", lag, was)
	}
	if int(stats.Frames) != before.Frames || int(stats.AudioPackets) != before.AudioPackets ||
		stats.InBytes != int64(len(in)) || stats.OutBytes != int64(len(out)) || stats.Width != before.Width {
		t.Errorf("stats are %+v for %d bytes in, %d out", stats, len(in), len(out))
	}
	if before.AudioPackets > 0 && testclip.AudioSum(t, testclip.Save(t, out)) != testclip.AudioSum(t, path) {
		t.Error("the audio packets are not those of the input")
	}
}

func TestFrameTimesOfAVariableRateAreKept(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	// Every third frame is dropped and the rest keep their times.
	path := testclip.Make(t, testclip.Spec{Audio: true, Extra: []string{"-vf", "select='mod(n\\,3)'", "-fps_mode", "vfr"}})
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := process(t, p, in)
	if err != nil {
		t.Fatal(err)
	}
	want, got := testclip.Times(t, path), testclip.Times(t, testclip.Save(t, out))
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range want {
		if d := (got[i] - got[0]) - (want[i] - want[0]); d.Abs() > time.Millisecond {
			t.Fatalf("frame %d is at %s, want %s", i, got[i], want[i])
		}
	}
}

func TestUnknownPipelineIsRefusedWithTheKnownNames(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v9"}, bytes.NewReader(nil), &bytes.Buffer{}, nil)
	var unknown *pipeline.UnknownPipelineError
	if !errors.Is(err, pipeline.ErrUnknownPipeline) || !errors.As(err, &unknown) || len(unknown.Known) == 0 {
		t.Fatalf("Process = %v", err)
	}
}
