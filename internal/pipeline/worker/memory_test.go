package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/testclip"
)

// ways are how decoded frames may be handed on: as references to the decoder's pictures, which is what a worker does, or as copies in
// Go's memory; from a pool or made anew.
func ways() map[string]func() (*av.Frames, func(av.Planes)) {
	picture := func(p av.Planes) int { return len(p.Y) + len(p.Cb) + len(p.Cr) }
	fill := func(to []byte, p av.Planes) {
		n := copy(to, p.Y)
		n += copy(to[n:], p.Cb)
		copy(to[n:], p.Cr)
	}
	refer := func(av.Planes) {}
	return map[string]func() (*av.Frames, func(av.Planes)){
		"refer-pooled": func() (*av.Frames, func(av.Planes)) { return av.NewFrames(keptFrames), refer },
		"refer-anew":   func() (*av.Frames, func(av.Planes)) { return av.NewFrames(0), refer },
		"copy-pooled": func() (*av.Frames, func(av.Planes)) {
			var pool sync.Pool
			return av.NewFrames(keptFrames), func(p av.Planes) {
				to, ok := pool.Get().(*[]byte)
				if !ok {
					to = new(make([]byte, picture(p)))
				}
				fill(*to, p)
				pool.Put(to)
			}
		},
		"copy-anew": func() (*av.Frames, func(av.Planes)) {
			return av.NewFrames(keptFrames), func(p av.Planes) { fill(make([]byte, picture(p)), p) }
		},
	}
}

// BenchmarkFrameMemory decodes 1080p and prints what 30 frames, a second of such a video, cost Go's memory: garbage collections,
// kilobytes and objects. The 60 frames before, in which pools fill, do not count.
func BenchmarkFrameMemory(b *testing.B) {
	av.Quiet()
	clip := testclip.Read(b, testclip.Spec{Width: 1920, Height: 1080, Seconds: 6})
	for _, percent := range []int{100, 400} {
		for _, name := range slices.Sorted(maps.Keys(ways())) {
			b.Run(fmt.Sprintf("%s/GOGC=%d", name, percent), func(b *testing.B) {
				defer debug.SetGCPercent(debug.SetGCPercent(percent))
				var frames, cycles, bytes, objects float64
				for b.Loop() {
					store, hand := ways()[name]()
					n, before, after := decodeAll(b, clip, store, hand)
					store.Close()
					frames += n
					cycles += float64(after.NumGC - before.NumGC)
					bytes += float64(after.TotalAlloc - before.TotalAlloc)
					objects += float64(after.Mallocs - before.Mallocs)
				}
				b.ReportMetric(0, "ns/op") // decoding
				b.ReportMetric(cycles/frames*30, "GCs/s")
				b.ReportMetric(bytes/frames*30/1e3, "kB/s")
				b.ReportMetric(objects/frames*30, "objects/s")
			})
		}
	}
}

// decodeAll hands on every frame of a clip, and returns the number of those that count, with the state of memory before and after them.
func decodeAll(b *testing.B, clip []byte, store *av.Frames, hand func(av.Planes)) (counted float64, before, after runtime.MemStats) {
	b.Helper()
	in, err := av.Open(bytes.NewReader(clip), store)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	const lead = 60
	n := 0
	emit := func(f *av.Frame) error {
		if n++; n == lead {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
		hand(f.Planes())
		f.Close()
		return nil
	}
	for {
		p, err := in.Read()
		if errors.Is(err, io.EOF) {
			runtime.ReadMemStats(&after)
			return float64(n - lead), before, after
		}
		if err != nil {
			b.Fatal(err)
		}
		if p.Video() {
			err = in.Decode(p, emit)
		}
		p.Close()
		if err != nil {
			b.Fatal(err)
		}
	}
}
