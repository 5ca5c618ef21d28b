package benchvideo

import (
	"bytes"
	"slices"
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
		clip := testclip.Read(b, testclip.Spec{Width: 1280, Height: 720, Seconds: 1, Audio: true, Format: format})
		for _, name := range []string{"transcode", "beauty_v2"} {
			b.Run(string(format)+"/"+name, func(b *testing.B) {
				var waits []time.Duration
				answer := func() {
					var out first
					begin := time.Now()
					if _, err := p.Process(b.Context(), pipeline.Stream{Pipeline: name}, bytes.NewReader(clip), &out, nil); err != nil {
						b.Fatal(err)
					}
					waits = append(waits, out.at.Sub(begin))
				}
				for b.Loop() {
					for range 4 { // the machine moves these more than the rest
						answer()
					}
				}
				milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
				b.ReportMetric(0, "ns/op") // whole videos
				b.ReportMetric(median(waits, milliseconds), "first-ms")
				b.ReportMetric(milliseconds(slices.Min(waits)), "least-ms")
			})
		}
	}
}
