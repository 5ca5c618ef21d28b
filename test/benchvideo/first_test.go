package benchvideo

import (
	"bytes"
	"os"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

// first notes when the first fragment is complete: at the end of the write that holds its media data.
type first struct{ at time.Time }

func (f *first) Write(p []byte) (int, error) {
	if f.at.IsZero() && bytes.Contains(p, []byte("moof")) {
		f.at = time.Now()
	}
	return len(p), nil
}

// BenchmarkFirstFragment is the time from the first byte of a 720p video to the first fragment of the answer, with a worker that
// waits for it.
func BenchmarkFirstFragment(b *testing.B) {
	p := newPool(b)
	for _, format := range []testclip.Format{testclip.MP4, testclip.MPEGTS} {
		clip, err := os.ReadFile(testclip.Make(b, testclip.Spec{Width: 1280, Height: 720, Audio: true, Format: format}))
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range []string{"transcode", "beauty_v2"} {
			b.Run(string(format)+"/"+name, func(b *testing.B) {
				var waited, longest time.Duration
				n := 0
				for b.Loop() {
					var out first
					begin := time.Now()
					if _, err := p.Process(b.Context(), pipeline.Stream{Pipeline: name}, bytes.NewReader(clip), &out, nil); err != nil {
						b.Fatal(err)
					}
					waited += out.at.Sub(begin)
					longest = max(longest, out.at.Sub(begin))
					n++
				}
				b.ReportMetric(0, "ns/op") // the whole video
				b.ReportMetric(float64(waited)/float64(n)/float64(time.Millisecond), "first-ms")
				b.ReportMetric(float64(longest)/float64(time.Millisecond), "longest-ms")
			})
		}
	}
}
