// Package benchvideo compares the video pipelines with the ffmpeg command: the same input, codec, settings and threads, in turn.
package benchvideo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
	"quicedge/internal/pipeline/testworker"
)

// sizes are those of the pictures, with the length of a clip in seconds: long enough that starting does not count.
var sizes = []struct {
	name          string
	width, height int
	seconds       float64
}{{"360p", 640, 360, 40}, {"720p", 1280, 720, 16}, {"1080p", 1920, 1080, 8}}

// BenchmarkTranscode is decode and encode alone, no filter between them.
func BenchmarkTranscode(b *testing.B) { compare(b, "transcode", "") }

// compare runs a pipeline and the ffmpeg command with a filter graph on the same clips, in turn.
func compare(b *testing.B, name, graph string) {
	p := newPool(b)
	for _, s := range sizes {
		path := testclip.Make(b, testclip.Spec{Width: s.width, Height: s.height, Seconds: s.seconds, Audio: true})
		clip, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.name, func(b *testing.B) {
			var ours, theirs cost
			for b.Loop() {
				ours.add(worker(b, p, name, clip))
				theirs.add(ffmpeg(b, path, "-vf", graph))
			}
			ours.report(b)
			theirs.compare(b, ours)
		})
	}
}

// cost is what videos took.
type cost struct {
	frames         int64
	wall, cpu      time.Duration
	stages         map[string]time.Duration
	copied, allocs int64
}

func (c *cost) add(o cost) {
	c.frames += o.frames
	c.wall += o.wall
	c.cpu += o.cpu
	c.copied += o.copied
	c.allocs += o.allocs
	for stage, d := range o.stages {
		if c.stages == nil {
			c.stages = map[string]time.Duration{}
		}
		c.stages[stage] += d
	}
}

func (c cost) fps() float64 { return float64(c.frames) / c.wall.Seconds() }

func (c cost) perFrame(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond) / float64(c.frames)
}

// report prints what the worker took: frames a second, milliseconds of processors and of each stage a frame.
func (c cost) report(b *testing.B) {
	b.ReportMetric(0, "ns/op") // the sum of two programs
	b.ReportMetric(c.fps(), "fps")
	b.ReportMetric(c.perFrame(c.cpu), "cpu-ms/frame")
	for stage, d := range c.stages {
		b.ReportMetric(c.perFrame(d), stage+"-ms/frame")
	}
	b.ReportMetric(float64(c.copied/c.frames), "copied-B/frame")
	b.ReportMetric(float64(c.allocs)/float64(c.frames), "go-allocs/frame")
}

// compare prints how the worker compares with this cost of the ffmpeg command: over 1 is better than the command.
func (c cost) compare(b *testing.B, ours cost) {
	b.ReportMetric(c.fps(), "ffmpeg-fps")
	b.ReportMetric(ours.fps()/c.fps(), "fps-x-ffmpeg")
	b.ReportMetric(c.perFrame(c.cpu)/ours.perFrame(ours.cpu), "cpu-x-ffmpeg")
}

func newPool(b *testing.B) *pipeline.Pool {
	p, err := pipeline.New(b.Context(), pipeline.Config{Worker: testworker.Path(b), Workers: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	return p
}

// worker runs a clip through a pipeline. The processor's time is that of the worker's process.
func worker(b *testing.B, p *pipeline.Pool, name string, clip []byte) cost {
	b.Helper()
	before := cpuOf(b, p.PIDs()[0])
	stats, err := p.Process(b.Context(), pipeline.Stream{Pipeline: name}, bytes.NewReader(clip), io.Discard, nil)
	if err != nil {
		b.Fatal(err)
	}
	return cost{
		frames: stats.Frames, wall: stats.Elapsed, cpu: cpuOf(b, p.PIDs()[0]) - before,
		stages: stats.Stages, copied: stats.BytesCopied, allocs: stats.Allocations,
	}
}

// cpuOf is the processor time of a process so far (proc(5), stat), in hundredths of a second.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

var (
	benchmarkLine = regexp.MustCompile(`bench: utime=([\d.]+)s stime=([\d.]+)s rtime=([\d.]+)s`)
	frameCount    = regexp.MustCompile(`frame=\s*(\d+)`)
)

// ffmpeg transcodes a file as the worker does: the settings of its encoder, the same threads, the same fragments. What it
// measures by itself leaves out its own start.
func ffmpeg(b *testing.B, path, option, graph string) cost {
	b.Helper()
	threads := strconv.Itoa(min(runtime.GOMAXPROCS(0), 4))
	args := []string{"-hide_banner", "-nostdin", "-benchmark", "-threads", threads, "-i", path}
	if graph != "" {
		args = append(args, option, graph)
	}
	args = append(args, "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "superfast", "-crf", "21", "-bf", "0", "-g", "50", "-threads", threads,
		"-c:a", "copy", "-movflags", "frag_keyframe+delay_moov+default_base_moof", "-frag_duration", "500000", "-f", "mp4", "-y", "/dev/null")
	out, err := exec.CommandContext(b.Context(), "ffmpeg", args...).CombinedOutput()
	if err != nil {
		b.Fatalf("ffmpeg: %v: %s", err, out)
	}
	times, frames := benchmarkLine.FindSubmatch(out), frameCount.FindAllSubmatch(out, -1)
	if times == nil || frames == nil {
		b.Fatalf("ffmpeg printed no times: %s", out)
	}
	seconds := func(s []byte) time.Duration {
		f, _ := strconv.ParseFloat(string(s), 64) // the pattern is a number
		return time.Duration(f * float64(time.Second))
	}
	n, _ := strconv.ParseInt(string(frames[len(frames)-1][1]), 10, 64) // as above
	return cost{frames: n, wall: seconds(times[3]), cpu: seconds(times[1]) + seconds(times[2])}
}

// BenchmarkBeauty is beauty_v2 beside ffmpeg with its guided filter, which smooths by the same rule, over the whole picture and at full
// resolution.
func BenchmarkBeauty(b *testing.B) { compare(b, "beauty_v2", "guided") }
