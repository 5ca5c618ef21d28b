package pipeline_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

// clip is a video as people have it, and what is asked for.
type clip struct {
	testclip.Spec
	format, codec string
	even          [2]int // the size of the answer, where it is not that of the input
}

// clips are made by the ffmpeg command. Pictures are small where their size is not the point.
func clips() map[string]clip {
	tags := func(options ...string) []string { return options }
	small := func(s testclip.Spec) testclip.Spec {
		if s.Width == 0 {
			s.Width, s.Height = 320, 180
		}
		return s
	}
	all := map[string]clip{
		"mp4":                          {Spec: testclip.Spec{Audio: true, Seconds: 10}},
		"mp4, index last":              {Spec: testclip.Spec{Audio: true, Seconds: 10, Format: testclip.MP4IndexLast}, format: "mp4"},
		"mp4, fragmented":              {Spec: testclip.Spec{Audio: true, Format: testclip.MP4Fragmented}},
		"mp4 to mpeg-ts":               {Spec: testclip.Spec{Audio: true}, format: "ts"},
		"mp4 with opus":                {Spec: testclip.Spec{Audio: true, AudioCodec: "libopus"}},
		"mp4 with mp3":                 {Spec: testclip.Spec{Audio: true, AudioCodec: "libmp3lame"}, format: "mp4"},
		"mpeg-ts":                      {Spec: testclip.Spec{Audio: true, Seconds: 10, Format: testclip.MPEGTS}},
		"mpeg-ts to mpeg-ts":           {Spec: testclip.Spec{Audio: true, Format: testclip.MPEGTS}, format: "ts"},
		"mpeg-ts to mp4":               {Spec: testclip.Spec{Audio: true, Format: testclip.MPEGTS}, format: "mp4"},
		"mpeg-ts with opus":            {Spec: testclip.Spec{Audio: true, AudioCodec: "libopus", Format: testclip.MPEGTS}, format: "ts"},
		"mpeg-ts with ac3":             {Spec: testclip.Spec{Audio: true, AudioCodec: "ac3", Format: testclip.MPEGTS}},
		"mpeg-ts, clock wraps":         {Spec: testclip.Spec{Audio: true, Seconds: 4, Format: testclip.MPEGTS, Extra: tags("-output_ts_offset", "95440.4")}},
		"flv":                          {Spec: testclip.Spec{Audio: true, Format: testclip.FLV}},
		"matroska":                     {Spec: testclip.Spec{Audio: true, Format: testclip.Matroska}},
		"matroska with opus":           {Spec: testclip.Spec{Audio: true, AudioCodec: "libopus", Format: testclip.Matroska}, format: "mp4"},
		"matroska, h.265":              {Spec: testclip.Spec{Audio: true, Codec: "libx265", Format: testclip.Matroska}, format: "ts", codec: "h265"},
		"matroska, variable rate":      {Spec: testclip.Spec{Audio: true, Format: testclip.Matroska, Filter: "select='mod(n\\,3)'", Extra: tags("-fps_mode", "vfr")}},
		"annex b":                      {Spec: testclip.Spec{Seconds: 10, Format: testclip.AnnexB}},
		"annex b, h.265":               {Spec: testclip.Spec{Codec: "libx265", Format: testclip.AnnexBH265}, codec: "h265"},
		"h.265":                        {Spec: testclip.Spec{Codec: "libx265", Audio: true}},
		"h.265 to h.265":               {Spec: testclip.Spec{Codec: "libx265", Audio: true}, codec: "h265", format: "mp4"},
		"h.265, 10 bit":                {Spec: testclip.Spec{Codec: "libx265", PixelFormat: "yuv420p10le", Audio: true}, codec: "h265"},
		"10 bit":                       {Spec: testclip.Spec{PixelFormat: "yuv420p10le"}},
		"4:2:2, 10 bit":                {Spec: testclip.Spec{PixelFormat: "yuv422p10le", Audio: true}, format: "ts"},
		"4:4:4":                        {Spec: testclip.Spec{PixelFormat: "yuv444p"}},
		"odd size":                     {Spec: testclip.Spec{PixelFormat: "yuv444p", Audio: true, Filter: "scale=321:181"}, even: [2]int{322, 182}},
		"size not of 16":               {Spec: testclip.Spec{Width: 322, Height: 182, Audio: true}},
		"smallest":                     {Spec: testclip.Spec{Width: 16, Height: 16, Seconds: 1}},
		"1080p":                        {Spec: testclip.Spec{Width: 1920, Height: 1080, Seconds: 1}},
		"upright in 16:9":              {Spec: testclip.Spec{Width: 360, Height: 640, Audio: true}},
		"full range":                   {Spec: testclip.Spec{PixelFormat: "yuvj420p"}},
		"wide pixels":                  {Spec: testclip.Spec{Filter: "setsar=4/3"}},
		"wide pixels, mpeg-ts":         {Spec: testclip.Spec{Filter: "setsar=4/3"}, format: "ts"},
		"high dynamic range":           {Spec: testclip.Spec{Codec: "libx265", PixelFormat: "yuv420p10le", Extra: tags("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")}},
		"variable rate":                {Spec: testclip.Spec{Audio: true, Filter: "select='mod(n\\,3)'", Extra: tags("-fps_mode", "vfr")}},
		"variable rate, mpeg-ts":       {Spec: testclip.Spec{Audio: true, Format: testclip.MPEGTS, Filter: "select='mod(n\\,3)'", Extra: tags("-fps_mode", "vfr")}},
		"open groups and many b":       {Spec: testclip.Spec{Audio: true, Seconds: 4, Extra: tags("-bf", "8", "-x264-params", "open-gop=1:b-pyramid=normal:ref=5")}},
		"interlaced":                   {Spec: testclip.Spec{Audio: true, Extra: tags("-flags", "+ildct+ilme")}},
		"60 frames a second":           {Spec: testclip.Spec{FPS: 60, Audio: true}},
		"ntsc rate":                    {Spec: testclip.Spec{FPS: 30, Extra: tags("-r", "30000/1001")}},
		"one frame":                    {Spec: testclip.Spec{Seconds: 0.04}},
		"one frame to mp4":             {Spec: testclip.Spec{Seconds: 0.04}, format: "mp4"},
		"one frame and audio":          {Spec: testclip.Spec{Seconds: 0.04, Audio: true}},
		"audio starts late":            {Spec: testclip.Spec{Audio: true, Extra: tags("-af", "asetpts=PTS+0.5/TB")}},
		"audio starts very late":       {Spec: testclip.Spec{Audio: true, Seconds: 8, Extra: tags("-af", "asetpts=PTS+6/TB")}},
		"audio starts late, mpeg-ts":   {Spec: testclip.Spec{Audio: true, Seconds: 4, Format: testclip.MPEGTS, Extra: tags("-af", "asetpts=PTS+2/TB")}},
		"held upright (90°)":           {Spec: testclip.Spec{Audio: true, Rotate: 90}},
		"held upside down (180°)":      {Spec: testclip.Spec{Audio: true, Rotate: 180}, format: "mp4"},
		"held upright (270°), to h265": {Spec: testclip.Spec{Rotate: 270}, codec: "h265"},
		"ten minutes":                  {Spec: testclip.Spec{Width: 64, Height: 48, FPS: 10, Seconds: 600, Audio: true, Format: testclip.MP4IndexLast}},
	}
	for name, c := range all {
		c.Spec = small(c.Spec)
		all[name] = c
	}
	return all
}

func TestClipsComeBackWithTheirFramesTimesAudioAndLook(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	for name, c := range clips() {
		t.Run(name, func(t *testing.T) {
			path := testclip.Make(t, c.Spec)
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			stats, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "transcode", Format: c.format, Codec: c.codec}, bytes.NewReader(in), &out, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, c, path, testclip.Save(t, out.Bytes()), stats)
			if stats.InBytes != int64(len(in)) || stats.OutBytes != int64(out.Len()) {
				t.Errorf("stats are %+v for %d bytes in, %d out", stats, len(in), out.Len())
			}
		})
	}
}

// rounding is what the clocks of the containers differ by: Matroska and FLV count milliseconds.
const rounding = 2 * time.Millisecond

func compare(t *testing.T, c clip, in, out string, stats pipeline.Stats) {
	t.Helper()
	before, after := testclip.Probe(t, in), testclip.Probe(t, out)
	if turned := before.Rotation != 0; turned != (c.Rotate != 0) {
		t.Fatalf("the clip is turned by %d, want %d", before.Rotation, c.Rotate)
	}
	compareVideo(t, c, before, after)
	compareTimes(t, testclip.Times(t, in), testclip.Times(t, out))
	if int(stats.Frames) != before.Frames || int(stats.AudioPackets) != after.AudioPackets {
		t.Errorf("stats are %+v", stats)
	}
	frame := time.Second / time.Duration(max(c.FPS, 1))
	if c.FPS == 0 {
		frame = time.Second / 25
	}
	if c.Format == testclip.FLV { // the duration that ffmpeg writes into it is a frame too long
		frame *= 2
	}
	if d := after.Duration - before.Duration; before.Duration > 0 && d.Abs() > frame+rounding {
		t.Errorf("duration is %s, that of the input %s", after.Duration, before.Duration)
	}
	if before.AudioPackets == 0 {
		return
	}
	if after.AudioPackets != before.AudioPackets || after.AudioCodec != before.AudioCodec {
		t.Errorf("%d packets of %s, the input has %d of %s", after.AudioPackets, after.AudioCodec, before.AudioPackets, before.AudioCodec)
	}
	if lag, was := after.AudioStart-after.VideoStart, before.AudioStart-before.VideoStart; (lag - was).Abs() > rounding {
		t.Errorf("audio starts %s after the picture, in the input %s", lag, was)
	}
	if testclip.AudioSum(t, out) != testclip.AudioSum(t, in) {
		t.Error("the audio packets are not those of the input")
	}
}

func compareVideo(t *testing.T, c clip, before, after testclip.Info) {
	t.Helper()
	if c.even != [2]int{} {
		before.Width, before.Height = c.even[0], c.even[1]
	}
	codec := map[string]string{"": "h264", "h264": "h264", "h265": "hevc"}[c.codec]
	if after.Frames != before.Frames || after.Width != before.Width || after.Height != before.Height || after.VideoCodec != codec {
		t.Errorf("%d frames of %dx%d in %s, the input has %d of %dx%d", after.Frames, after.Width, after.Height, after.VideoCodec, before.Frames, before.Width, before.Height)
	}
	// Where the range of levels is not said, it is that of television.
	before.Colours, after.Colours = strings.TrimPrefix(before.Colours, "tv"), strings.TrimPrefix(after.Colours, "tv")
	if after.Rotation != before.Rotation || after.PixelShape != before.PixelShape || after.Colours != before.Colours {
		t.Errorf("turned by %d, pixels %s, colours %q; the input %d, %s, %q", after.Rotation, after.PixelShape, after.Colours, before.Rotation, before.PixelShape, before.Colours)
	}
}

// compareTimes wants each frame where it was, seen from the first. A raw stream has no times.
func compareTimes(t *testing.T, want, got []time.Duration) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d times, want %d", len(got), len(want))
	}
	if len(want) > 1 && want[1] == want[0] {
		return
	}
	for i := range want {
		if d := (got[i] - got[0]) - (want[i] - want[0]); d.Abs() > rounding {
			t.Fatalf("frame %d is at %s, want %s", i, got[i]-got[0], want[i]-want[0])
		}
	}
}
