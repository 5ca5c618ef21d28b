package pipeline_test

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

// gate lets writes through only while it is open.
type gate struct {
	open chan struct{}
	n    atomic.Int64
}

func (g *gate) Write(p []byte) (int, error) {
	g.n.Add(int64(len(p)))
	<-g.open
	return len(p), nil
}

// meter counts what is read.
type meter struct {
	io.Reader
	n atomic.Int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.n.Add(int64(n))
	return n, err
}

func TestSlowReceiverHoldsItsOwnWorkerBackAndNoOther(t *testing.T) {
	p := newPool(t, pipeline.Config{Workers: 2})
	eventually(t, "both workers are ready", func() bool { return len(p.PIDs()) == 2 })
	clip := testclip.Read(t, testclip.Spec{Width: 320, Height: 180, Seconds: 10, Audio: true, Format: testclip.MPEGTS})
	long := bytes.Repeat(clip, 15) // what a client sends in a row; the clock jumps back at each joint
	in, out := &meter{Reader: bytes.NewReader(long)}, &gate{open: make(chan struct{})}
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, in, out, nil)
		result <- err
	}()
	const longest = 200 * time.Millisecond // no pause between two reads is longer
	before, moved := int64(0), time.Now()
	eventually(t, "the upload stands still", func() bool {
		if now := in.n.Load(); now != before {
			before, moved = now, time.Now()
		}
		return before > 0 && out.n.Load() > 0 && time.Since(moved) > longest
	})
	if taken := in.n.Load(); taken > int64(len(long))/4 {
		t.Errorf("%d of %d bytes were taken from the sender while nothing was received", taken, len(long))
	}
	if _, stats, err := process(t, p, clip); err != nil || stats.Frames != 250 {
		t.Errorf("a job beside it: %d frames, %v", stats.Frames, err)
	}
	for _, pid := range p.PIDs() {
		if rss := residentMB(t, pid); rss > 250 {
			t.Errorf("worker %d holds %d MB", pid, rss)
		}
	}
	close(out.open)
	if err := <-result; err != nil {
		t.Errorf("the held job: %v", err)
	}
}

func residentMB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}
