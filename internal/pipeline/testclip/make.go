// Package testclip makes and measures small videos for tests, with the ffmpeg and ffprobe of the machine
// (native/packages.sh test). A test that lacks them fails.
package testclip

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Format is how a clip is packed.
type Format string

// The formats of a clip.
const (
	MP4           Format = "mp4"     // index in front (faststart)
	MP4IndexLast  Format = "moov"    // index at the end, as cameras write it
	MP4Fragmented Format = "fmp4"    // moof boxes
	MPEGTS        Format = "ts"      // ADTS audio, a clock that starts at 1.4 s
	AnnexB        Format = "h264"    // raw H.264: no times, no audio
	AnnexBH265    Format = "hevc"    // raw H.265
	FLV           Format = "flv"     // as RTMP carries it
	Matroska      Format = "mkv"     // times in whole milliseconds
	AudioOnly     Format = "m4a"     // AAC in MP4
	PCMAudio      Format = "mov-pcm" // audio that MP4 players do not know
)

// Spec describes a clip: a test picture with a moving patch of grainy skin, and a tone of 440 Hz. Zero values are
// 640x360, 25 frames a second, 2 seconds, H.264 in yuv420p with B-frames.
type Spec struct {
	Width, Height, FPS int
	Seconds            float64
	Audio              bool
	Format             Format
	Codec              string   // an encoder of ffmpeg, libx264 or libx265
	AudioCodec         string   // an encoder of ffmpeg; empty is aac
	PixelFormat        string   // of the encoded video
	Filter             string   // of ffmpeg, for the picture
	Rotate             int      // degrees that players turn the picture by, clockwise
	Extra              []string // further output options of ffmpeg
}

func (s Spec) withDefaults() Spec {
	setDefault(&s.Width, 640)
	setDefault(&s.Height, 360)
	setDefault(&s.FPS, 25)
	setDefault(&s.Seconds, 2)
	setDefault(&s.Format, MP4)
	setDefault(&s.Codec, "libx264")
	setDefault(&s.AudioCodec, "aac")
	setDefault(&s.PixelFormat, "yuv420p")
	return s
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Frames is the number of frames that the clip has.
func (s Spec) Frames() int {
	s = s.withDefaults()
	return int(s.Seconds*float64(s.FPS) + 0.5)
}

// Make writes the clip into the test's folder and returns its path.
func Make(t testing.TB, s Spec) string {
	t.Helper()
	s = s.withDefaults()
	path := filepath.Join(t.TempDir(), "clip."+s.extension())
	run(t, "ffmpeg", s.arguments(path)...)
	if s.Rotate == 0 {
		return path
	}
	turned := filepath.Join(filepath.Dir(path), "turned."+s.extension()) // ffmpeg turns only what it copies
	run(t, "ffmpeg", "-loglevel", "error", "-nostdin", "-i", path, "-map", "0", "-c", "copy", "-metadata:s:v:0", fmt.Sprintf("rotate=%d", s.Rotate), turned)
	return turned
}

// Read is Make, and returns what is in the file.
func Read(t testing.TB, s Spec) []byte {
	t.Helper()
	content, err := os.ReadFile(Make(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (s Spec) extension() string {
	switch s.Format {
	case MP4IndexLast, MP4Fragmented:
		return "mp4"
	case PCMAudio:
		return "mov"
	}
	return string(s.Format)
}

func (s Spec) arguments(path string) []string {
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y"}
	if s.Format != AudioOnly {
		args = append(args, "-f", "lavfi", "-i", s.picture())
	}
	if s.hasAudio() {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:sample_rate=48000:duration=%g", s.Seconds))
		if s.Format == PCMAudio {
			args = append(args, "-c:a", "pcm_s16le")
		} else {
			args = append(args, "-c:a", s.AudioCodec, "-b:a", "64k")
		}
	}
	if s.Format != AudioOnly {
		args = append(args, "-c:v", s.Codec, "-preset", "veryfast", "-crf", "16", "-g", fmt.Sprint(s.FPS), "-bf", "2", "-pix_fmt", s.PixelFormat)
		if s.Filter != "" {
			args = append(args, "-vf", s.Filter)
		}
		if s.Codec == "libx265" {
			args = append(args, "-x265-params", "log-level=error")
		}
	}
	switch s.Format {
	case MP4:
		args = append(args, "-movflags", "+faststart")
	case MP4Fragmented:
		args = append(args, "-movflags", "+frag_keyframe+empty_moov+default_base_moof")
	}
	return append(append(args, s.Extra...), path)
}

func (s Spec) hasAudio() bool {
	return s.Format == AudioOnly || s.Format == PCMAudio || (s.Audio && s.Format != AnnexB && s.Format != AnnexBH265)
}

// picture is a filter graph. 0xE0AC90 has Cb 106 and Cr 157: in the middle of what counts as skin. The background has
// its Cr cut to 120, so that nothing else does.
func (s Spec) picture() string {
	size := func(w, h int) string { return fmt.Sprintf("s=%dx%d:r=%d:d=%g", w, h, s.FPS, s.Seconds) }
	return strings.Join([]string{
		"testsrc2=" + size(s.Width, s.Height) + ",format=yuv420p,lutyuv=v='min(val,120)'[back]",
		"color=c=0xE0AC90:" + size(s.Width/2&^1, s.Height/2&^1) + ",format=yuv420p,noise=c0s=24:c0f=t+u[skin]",
		fmt.Sprintf("[back][skin]overlay=x='mod(t*40,%d)':y=%d", max(s.Width/2, 1), s.Height/4&^1),
	}, ";")
}

func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s (native/packages.sh test installs what tests need)", name, strings.Join(args, " "), err, stderr.String())
	}
	return out
}
