package pipeline_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

// TestKilledWorkersFailOnlyTheirOwnJobs kills a worker again and again while clients send one job after the other. Each kill
// may cost the job that the worker had, and no other.
func TestKilledWorkersFailOnlyTheirOwnJobs(t *testing.T) {
	p := newPool(t, pipeline.Config{Workers: 2, Spares: 1})
	clip := testclip.Read(t, testclip.Spec{Width: 160, Height: 96, Seconds: 1, Audio: true, Format: testclip.MPEGTS})
	var clients sync.WaitGroup
	var over atomic.Bool
	var done, lost atomic.Int64
	for range 3 {
		clients.Go(func() {
			for !over.Load() {
				var out bytes.Buffer
				stats, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(clip), &out, nil)
				switch {
				case err == nil && stats.Frames == 25:
					done.Add(1)
				case errors.Is(err, pipeline.ErrWorkerDied) && strings.Contains(err.Error(), "signal: killed"):
					lost.Add(1)
				default:
					t.Errorf("%d frames, %v", stats.Frames, err)
					return
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(8, 9))
	kills := 0
	for kills < times(10, 200) && !t.Failed() {
		before := done.Load() + lost.Load()
		eventually(t, "clients are served", func() bool { return done.Load()+lost.Load() > before || t.Failed() })
		if pids := p.PIDs(); len(pids) > 0 && syscall.Kill(pids[r.IntN(len(pids))], syscall.SIGKILL) == nil {
			kills++
		}
	}
	over.Store(true)
	clients.Wait()
	t.Logf("%d kills, %d jobs lost with their workers, %d done", kills, lost.Load(), done.Load())
	if lost.Load() > int64(kills) || done.Load() == 0 {
		t.Errorf("%d kills cost %d jobs; %d were done", kills, lost.Load(), done.Load())
	}
	eventually(t, "all workers are back", func() bool { return len(p.PIDs()) == 3 })
	if n := metric(t, p, "worker_restarts_total", "killed"); int(n) > kills {
		t.Errorf("%v workers were replaced, %d killed", n, kills)
	}
}

// TestMutatedVideosHarmNoOneElse sends damaged clips of every codec and container while another client sends good ones.
func TestMutatedVideosHarmNoOneElse(t *testing.T) {
	p := newPool(t, pipeline.Config{Workers: 2, Spares: 1})
	good := testclip.Read(t, testclip.Spec{Width: 160, Height: 96, Seconds: 1, Audio: true})
	type victim struct {
		clip   []byte
		faults []fault
	}
	var victims []victim
	for codec, spec := range codecs() {
		for _, format := range []testclip.Format{testclip.MP4, testclip.MP4IndexLast, testclip.MP4Fragmented, testclip.AnnexB, testclip.MPEGTS, testclip.FLV, matroska} {
			if format == testclip.FLV && strings.HasPrefix(codec, "h265") {
				continue
			}
			spec.Width, spec.Height, spec.Seconds, spec.Audio = 96, 64, 0.4, true
			v := victim{clip: encoded(t, spec, format)}
			for _, f := range faultsOf(format) {
				v.faults = append(v.faults, f)
			}
			victims = append(victims, v)
		}
	}
	var over atomic.Bool
	var served atomic.Int64
	var other sync.WaitGroup
	other.Go(func() {
		for !over.Load() {
			if _, stats, err := process(t, p, good); err != nil || stats.Frames != 25 {
				t.Errorf("the client beside: %d frames, %v", stats.Frames, err)
				return
			}
			served.Add(1)
		}
	})
	r := rand.New(rand.NewPCG(10, 11))
	answers := map[string]int{}
	for i := range times(100, 5000) {
		v := victims[i%len(victims)]
		body := v.faults[r.IntN(len(v.faults))](v.clip, r)
		if r.IntN(3) == 0 {
			body = sprinkled(1+r.IntN(50))(body, r)
		}
		stats, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "transcode"}, bytes.NewReader(body), io.Discard, nil)
		var media *pipeline.MediaError
		switch {
		case err == nil && stats.DamagedPackets > 0:
			answers["done, packets left out"]++
		case err == nil:
			answers["done"]++
		case errors.As(err, &media):
			answers["refused at "+media.Stage]++
		default:
			answers["lost"]++
			t.Errorf("clip %d: %v", i, err)
			keep(t, body)
		}
	}
	over.Store(true)
	other.Wait()
	t.Logf("%v; %d jobs of the client beside", answers, served.Load())
	if served.Load() == 0 {
		t.Error("the client beside was never served")
	}
}

// keep saves a body that did harm.
func keep(t *testing.T, body []byte) {
	t.Helper()
	f, err := os.CreateTemp("", "quicedge-harm-*")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(body); err != nil {
		t.Fatal(err)
	}
	t.Logf("kept as %s", f.Name())
}

// BenchmarkReplaceKilledWorker kills the worker of a running job. job-ms is the time from the kill to the end of the next
// job, of one small picture, by the spare one; pool-ms that to the pool being whole again.
func BenchmarkReplaceKilledWorker(b *testing.B) {
	p := newPool(b, pipeline.Config{Workers: 1, Spares: 1})
	whole := func() bool { return len(p.PIDs()) == 2 }
	waitFor(b, whole)
	small := pipeline.SyntheticRequest{Width: 16, Height: 16, FrameCount: 1, Pipeline: "transcode"}
	var job, pool time.Duration
	b.ResetTimer()
	for range b.N {
		r, w := io.Pipe()
		lost := make(chan error, 1)
		go func() {
			_, err := p.Process(b.Context(), pipeline.Stream{Pipeline: "transcode"}, r, io.Discard, nil)
			lost <- err
		}()
		if _, err := w.Write([]byte{0}); err != nil { // taken: the worker has the job
			b.Fatal(err)
		}
		victims := p.PIDs()
		killed := time.Now()
		if err := syscall.Kill(victims[len(victims)-1], syscall.SIGKILL); err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
		if _, err := p.Synthetic(b.Context(), small); err != nil {
			b.Fatal(err)
		}
		job += time.Since(killed)
		waitFor(b, func() bool {
			now := p.PIDs()
			return len(now) == 2 && now[0] != victims[1] && now[1] != victims[1]
		})
		pool += time.Since(killed)
		if err := <-lost; err == nil {
			b.Fatal("the job of the killed worker ended well")
		}
	}
	b.ReportMetric(float64(job.Microseconds())/1000/float64(b.N), "job-ms")
	b.ReportMetric(float64(pool.Microseconds())/1000/float64(b.N), "pool-ms")
}

func waitFor(b *testing.B, ok func() bool) {
	b.Helper()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for deadline := time.After(10 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatal("not after 10 s")
		}
	}
}
