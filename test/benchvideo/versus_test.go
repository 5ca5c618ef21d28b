// Package benchvideo compares the video pipelines with the ffmpeg command: the same input, codec, settings, threads and priority,
// in turn.
package benchvideo

import (
	"os"
	"testing"

	"quicedge/internal/pipeline/testclip"
)

// rival is an ffmpeg command that a pipeline is compared with.
type rival struct {
	name   string // of the measurement
	filter string // of ffmpeg; empty is none
	frames int    // of the clip that it does; 0 is all
}

// clip is what both are given. Neither counts its start.
type clip struct {
	name          string
	width, height int
	seconds       float64
}

// BenchmarkTranscode is decode and encode alone, no filter between them.
func BenchmarkTranscode(b *testing.B) {
	versus(b, "transcode", []clip{{"360p", 640, 360, 8}, {"720p", 1280, 720, 4}, {"1080p", 1920, 1080, 2}}, rival{name: "ffmpeg"})
}

// guidedFrames are enough of a filter that takes a quarter of a second of CPU for each at 720p.
const guidedFrames = 12

// BenchmarkBeauty is beauty_v2 beside ffmpeg with its guided filter, which smooths by the same rule, over the whole picture and at
// full resolution, and beside a mean of 3x3 pixels, which is about the least that a filter can do.
func BenchmarkBeauty(b *testing.B) {
	versus(b, "beauty_v2", []clip{{"360p", 640, 360, 4}, {"720p", 1280, 720, 1.6}, {"1080p", 1920, 1080, 0.8}},
		rival{name: "guided", filter: "guided", frames: guidedFrames}, rival{name: "avgblur", filter: "avgblur"})
}

// versus runs a pipeline and its rivals on the same clips, another one first in each round.
func versus(b *testing.B, name string, clips []clip, rivals ...rival) {
	p := newPool(b)
	for _, c := range clips {
		path := testclip.Make(b, testclip.Spec{Width: c.width, Height: c.height, Seconds: c.seconds, Audio: true})
		content, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			worker(b, p, name, content) // the first one loads the model
			var ours []cost
			theirs := make([][]cost, len(rivals))
			for b.Loop() {
				first := len(ours) % (1 + len(rivals))
				for i := range 1 + len(rivals) {
					if i = (first + i) % (1 + len(rivals)); i == 0 {
						ours = append(ours, worker(b, p, name, content))
					} else {
						theirs[i-1] = append(theirs[i-1], ffmpeg(b, path, rivals[i-1], niceOf(b, p.PIDs()[0])))
					}
				}
			}
			report(b, ours)
			for i, r := range rivals {
				compare(b, r.name, ours, theirs[i])
			}
		})
	}
}
