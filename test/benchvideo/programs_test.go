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
	"quicedge/internal/pipeline/testworker"
)

// newPool returns a pool of one worker, so that it is known who does a job.
func newPool(b *testing.B) *pipeline.Pool {
	b.Helper()
	p, err := pipeline.New(b.Context(), pipeline.Config{Worker: testworker.Path(b), Workers: 1, Spares: -1})
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

// Where proc(5) has what is wanted of a process, counted from its state, the third field.
const (
	userTime   = 11 // the time in the kernel follows it
	niceNumber = 16
)

// stat are the numbers that the kernel shows of a process.
func stat(b *testing.B, pid, first, n int) (numbers []int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	for _, f := range strings.Fields(rest)[first : first+n] {
		number, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// cpuOf is the processor time of a process so far, in hundredths of a second.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	t := stat(b, pid, userTime, 2)
	return time.Duration(t[0]+t[1]) * time.Second / 100
}

// niceOf is how far a process stands back behind this one.
func niceOf(b *testing.B, pid int) int {
	b.Helper()
	return stat(b, pid, niceNumber, 1)[0] - stat(b, os.Getpid(), niceNumber, 1)[0]
}

var (
	benchmarkLine = regexp.MustCompile(`bench: utime=([\d.]+)s stime=([\d.]+)s rtime=([\d.]+)s`)
	frameCount    = regexp.MustCompile(`frame=\s*(\d+)`)
)

// ffmpeg transcodes a file as the worker does: the settings of its encoder, the same threads, priority and fragments. What it
// measures by itself leaves out its own start.
func ffmpeg(b *testing.B, path string, r rival, nice int) cost {
	b.Helper()
	threads := strconv.Itoa(min(runtime.GOMAXPROCS(0), 4))
	args := []string{"-n", strconv.Itoa(nice), "ffmpeg", "-hide_banner", "-nostdin", "-benchmark", "-threads", threads, "-i", path}
	if r.filter != "" {
		args = append(args, "-vf", r.filter)
	}
	if r.frames > 0 {
		args = append(args, "-frames:v", strconv.Itoa(r.frames))
	}
	args = append(args, "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "superfast", "-crf", "21", "-bf", "0", "-g", "50", "-threads", threads,
		"-c:a", "copy", "-movflags", "frag_keyframe+delay_moov+default_base_moof", "-frag_duration", "500000", "-f", "mp4", "-y", "/dev/null")
	out, err := exec.CommandContext(b.Context(), "nice", args...).CombinedOutput()
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
