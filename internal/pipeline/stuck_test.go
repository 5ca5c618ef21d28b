package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// metric returns the value of the pool's counter or gauge of that name and label value ("": no label), 0 where there is none.
func metric(t *testing.T, p *pipeline.Pool, name, label string) float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(p)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "quicedge_video_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			found := label == ""
			for _, l := range m.GetLabel() {
				found = found || l.GetValue() == label
			}
			if found {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func TestStoppedWorkerLosesNoJob(t *testing.T) {
	p := newPool(t, pipeline.Config{Workers: 1, Spares: 1})
	eventually(t, "worker and spare are ready", func() bool { return len(p.PIDs()) == 2 })
	clip := testclip.Read(t, testclip.Spec{Seconds: 1})
	before := p.PIDs()
	signal(t, before[1], syscall.SIGSTOP) // the one that joined last is taken first
	eventually(t, "the worker stands still", func() bool { return inState(before[1], "T") })
	if _, stats, err := process(t, p, clip); err != nil || stats.Frames != 25 {
		t.Fatalf("%d frames, %v", stats.Frames, err)
	}
	eventually(t, "another one has taken its place", func() bool {
		now := p.PIDs()
		return len(now) == 2 && now[0] != before[1] && now[1] != before[1]
	})
	if n := metric(t, p, "worker_restarts_total", "stuck"); n != 1 {
		t.Errorf("restarts of stuck workers: %v", n)
	}
}

// The body goes on coming, so that a clock that looks at that alone would be content.
func TestWorkerStoppedAtWorkIsReplacedThoughItsBodyComes(t *testing.T) {
	p := newPool(t, pipeline.Config{StallTimeout: 3 * time.Second})
	u, out := newUpload(t), newCounter()
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		result <- err
	}()
	u.send(0, 40)
	out.await(t)
	signal(t, p.PIDs()[0], syscall.SIGSTOP)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			if _, err := u.writer.Write(u.clip[:188]); err != nil {
				return
			}
		}
	}()
	select {
	case err := <-result:
		if !errors.Is(err, pipeline.ErrTimeout) {
			t.Errorf("Process = %v, want ErrTimeout", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the job goes on after 20 s")
	}
	cancel()
	_ = u.Close()
	if _, _, err := process(t, p, u.clip); err != nil {
		t.Errorf("the next job: %v", err)
	}
	if n := metric(t, p, "worker_restarts_total", "stalled"); n != 1 {
		t.Errorf("restarts of stalled workers: %v", n)
	}
}

func TestKilledSpareAndIdleWorkersCostNoJob(t *testing.T) {
	p := newPool(t, pipeline.Config{Workers: 1, Spares: 1})
	clip := testclip.Read(t, testclip.Spec{Width: 160, Height: 96, Seconds: 0.2})
	for range 20 {
		for _, pid := range p.PIDs() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
		}
		if _, stats, err := process(t, p, clip); err != nil || stats.Frames != 5 {
			t.Fatalf("%d frames, %v", stats.Frames, err)
		}
	}
}

func TestJobThatUsesUpItsCPUTimeIsEnded(t *testing.T) {
	p := newPool(t, pipeline.Config{CPUTime: time.Second})
	req := pipeline.SyntheticRequest{Width: 1920, Height: 1080, FrameCount: 1000, Pipeline: "beauty_v2"}
	_, err := p.Synthetic(t.Context(), req)
	if !errors.Is(err, pipeline.ErrTimeout) {
		t.Fatalf("Synthetic = %v, want ErrTimeout", err)
	}
	t.Log(err)
	clip := testclip.Read(t, testclip.Spec{Seconds: 1})
	for range 2 { // each with a second of its own
		if _, stats, err := process(t, p, clip); err != nil || stats.Frames != 25 {
			t.Errorf("the next job: %d frames, %v", stats.Frames, err)
		}
	}
	if n := metric(t, p, "worker_restarts_total", "cpu_time"); n != 1 {
		t.Errorf("restarts for CPU time: %v", n)
	}
}

func TestDeadlineOfAClientEndsTheCodec(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	worker := p.PIDs()[0]
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := p.Synthetic(ctx, pipeline.SyntheticRequest{Width: 1920, Height: 1080, FrameCount: 1000, Pipeline: "beauty_v2"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Synthetic = %v, want the deadline", err)
	}
	eventually(t, "the codec's process is gone", func() bool { return gone(worker) })
	eventually(t, "another worker is counted", func() bool { return metric(t, p, "worker_restarts_total", "deadline") == 1 })
}

func TestRefusedJobIsToldWhenToComeAgain(t *testing.T) {
	p := newPool(t, pipeline.Config{Queue: -1})
	u, out := newUpload(t), newCounter()
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		result <- err
	}()
	u.send(0, 40)
	out.await(t)
	_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(nil), io.Discard, nil)
	var busy *pipeline.BusyError
	if !errors.Is(err, pipeline.ErrBusy) || !errors.As(err, &busy) || busy.RetryAfter < time.Second || busy.RetryAfter > 2*time.Minute {
		t.Errorf("Process = %v (%+v)", err, busy)
	}
	u.send(40, 100)
	_ = u.writer.Close()
	if err := <-result; err != nil {
		t.Error(err)
	}
	if ok, refused := metric(t, p, "jobs_total", "ok"), metric(t, p, "jobs_total", "busy"); ok != 1 || refused != 1 {
		t.Errorf("%v jobs done, %v refused", ok, refused)
	}
	if n := metric(t, p, "frames_total", "beauty_v2"); n != 250 {
		t.Errorf("%v frames counted", n)
	}
	if n := metric(t, p, "bytes_total", "in"); int(n) != len(u.clip) {
		t.Errorf("%v bytes counted, %d sent", n, len(u.clip))
	}
	if in, idle := metric(t, p, "stage_seconds_total", "decode"), metric(t, p, "workers", "idle"); in <= 0 || idle != 1 {
		t.Errorf("decoding took %v s; %v workers are idle", in, idle)
	}
}
