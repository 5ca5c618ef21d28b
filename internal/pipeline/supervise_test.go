package pipeline_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
	"quicedge/internal/pipeline/testworker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("after 10 s still not: %s", what)
		case <-look.C:
		}
	}
}

// upload is a body that comes in as the test lets it, through a pipe.
type upload struct {
	*io.PipeReader
	writer *io.PipeWriter
	clip   []byte
}

func newUpload(t *testing.T) *upload {
	t.Helper()
	clip := testclip.Read(t, testclip.Spec{Seconds: 10, Audio: true, Format: testclip.MPEGTS})
	r, w := io.Pipe()
	t.Cleanup(func() { _ = r.Close() })
	return &upload{r, w, clip}
}

// send passes on a share of the clip.
func (u *upload) send(from, to int) {
	_, _ = u.writer.Write(u.clip[len(u.clip)*from/100 : len(u.clip)*to/100])
}

// counter counts what is written, and tells when the first bytes come.
type counter struct {
	mu    sync.Mutex
	n     int
	begun chan struct{}
}

func newCounter() *counter { return &counter{begun: make(chan struct{})} }

func (c *counter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		close(c.begun)
	}
	c.n += len(p)
	return len(p), nil
}

// await waits for the first bytes.
func (c *counter) await(t *testing.T) {
	t.Helper()
	select {
	case <-c.begun:
	case <-time.After(10 * time.Second):
		t.Fatal("no output after 10 s")
	}
}

func TestOutputComesWhileInputIsStillComingIn(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	u, out := newUpload(t), newCounter()
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		result <- err
	}()
	u.send(0, 40)
	out.await(t) // 60 % of the video has not been sent
	u.send(40, 100)
	_ = u.writer.Close()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}

func TestKilledWorkerFailsItsJobAloneAndIsReplaced(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	u, out := newUpload(t), newCounter()
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		result <- err
	}()
	u.send(0, 40)
	out.await(t)
	victim := p.PIDs()[0]
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := <-result
	if !errors.Is(err, pipeline.ErrWorkerDied) || !strings.Contains(err.Error(), "signal: killed") {
		t.Fatalf("Process = %v, want ErrWorkerDied and the signal", err)
	}
	_ = u.Close()
	if _, stats, err := process(t, p, u.clip); err != nil || stats.Frames != 250 {
		t.Fatalf("the next job: %d frames, %v", stats.Frames, err)
	}
	if now := p.PIDs(); len(now) != 1 || now[0] == victim {
		t.Errorf("workers are %v, the killed one was %d", now, victim)
	}
}

func TestCancelledJobEndsAtOnce(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	u, out := newUpload(t), newCounter()
	why := errors.New("the client is gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(ctx, pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		result <- err
	}()
	u.send(0, 40)
	out.await(t)
	cancel(why)
	select {
	case err := <-result:
		if !errors.Is(err, why) {
			t.Fatalf("Process = %v, want the cause of the context", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Process goes on 5 s after it was cancelled")
	}
	_ = u.Close()
	if _, _, err := process(t, p, u.clip); err != nil {
		t.Fatalf("the next job: %v", err)
	}
}

func TestFailingReaderAndWriterEndTheJobWithTheirError(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	clip := testclip.Read(t, testclip.Spec{Seconds: 1})
	broken := errors.New("broken")
	in := io.MultiReader(bytes.NewReader(clip[:1000]), failing{broken})
	if _, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, in, io.Discard, nil); !errors.Is(err, broken) {
		t.Errorf("with a broken reader: %v", err)
	}
	if _, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(clip), failing{broken}, nil); !errors.Is(err, broken) {
		t.Errorf("with a broken writer: %v", err)
	}
	if _, _, err := process(t, p, clip); err != nil {
		t.Errorf("the next job: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestStalledJobIsEnded(t *testing.T) {
	p := newPool(t, pipeline.Config{StallTimeout: 300 * time.Millisecond})
	u := newUpload(t)
	go u.send(0, 40)
	if _, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, io.Discard, nil); !errors.Is(err, pipeline.ErrTimeout) {
		t.Errorf("a body that stops coming: %v, want ErrTimeout", err)
	}
}

func TestJobsBeyondTheQueueAreRefused(t *testing.T) {
	p := newPool(t, pipeline.Config{Workers: 1, Queue: 1, QueueTimeout: time.Minute})
	u, out := newUpload(t), newCounter()
	results := make(chan error, 3)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		results <- err
	}()
	u.send(0, 40)
	out.await(t)
	waiting, leave := context.WithCancel(t.Context())
	for range 2 {
		go func() {
			_, err := p.Process(waiting, pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(nil), io.Discard, nil)
			results <- err
		}()
	}
	if err := <-results; !errors.Is(err, pipeline.ErrBusy) {
		t.Errorf("one job too many: %v, want ErrBusy", err)
	}
	leave()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the job that left the queue: %v", err)
	}
	u.send(40, 100)
	_ = u.writer.Close()
	if err := <-results; err != nil {
		t.Errorf("the first job: %v", err)
	}
}

func TestPoolThatIsClosedRefusesJobs(t *testing.T) {
	cfg := pipeline.Config{Worker: testworker.Path(t), Workers: 1, Spares: -1}
	p, err := pipeline.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(); err != nil {
		t.Errorf("Ready = %v", err)
	}
	pid := p.PIDs()[0]
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the worker outlived the pool: %v", err)
	}
	if _, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(nil), io.Discard, nil); !errors.Is(err, pipeline.ErrClosed) {
		t.Errorf("Process = %v, want ErrClosed", err)
	}
	if err := p.Ready(); !errors.Is(err, pipeline.ErrClosed) {
		t.Errorf("Ready = %v, want ErrClosed", err)
	}
}

func TestCloseCutsOffWhatDoesNotEndInTime(t *testing.T) {
	cfg := pipeline.Config{Worker: testworker.Path(t), Workers: 1, Spares: -1}
	p, err := pipeline.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	u, out := newUpload(t), newCounter()
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		result <- err
	}()
	u.send(0, 40)
	out.await(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close = %v", err)
	}
	if err := <-result; !errors.Is(err, pipeline.ErrWorkerDied) {
		t.Errorf("the job under way: %v", err)
	}
}

func TestMissingWorkerSaysHowToGetIt(t *testing.T) {
	_, err := pipeline.New(t.Context(), pipeline.Config{Worker: filepath.Join(t.TempDir(), "nobody")})
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Fatalf("New = %v", err)
	}
}

func TestWorkerThatCannotStartSaysWhy(t *testing.T) {
	t.Setenv("QUICEDGE_ORT_LIB", "/nowhere/libonnxruntime.so.1")
	_, err := pipeline.New(t.Context(), pipeline.Config{Worker: testworker.Path(t), Workers: 1, Spares: -1})
	if err == nil || !strings.Contains(err.Error(), "/nowhere/libonnxruntime.so.1") {
		t.Fatalf("New = %v", err)
	}
}

func TestWorkerRunsWithoutPrivileges(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PIDs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000"} {
		if !bytes.Contains(status, []byte(want)) {
			t.Errorf("the worker's status has no %q", want)
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.PIDs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(limits, []byte("Max data size             1342177280           1342177280")) {
		t.Errorf("the worker's memory is not bounded:\n%s", limits)
	}
}

// The test's own program plays the node, so that it can be killed.
func TestWorkersDoNotOutliveAKilledNode(t *testing.T) {
	node := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNodeThatWillBeKilled$")
	node.Env = append(os.Environ(), "QUICEDGE_TEST_NODE="+testworker.Path(t))
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	lines := bufio.NewScanner(out)
	for len(pids) < 2 && lines.Scan() {
		if pid, err := strconv.Atoi(lines.Text()); err == nil {
			pids = append(pids, pid)
		}
	}
	if len(pids) < 2 {
		t.Fatal("the node started no workers")
	}
	_ = node.Process.Kill()
	_ = node.Wait()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("worker %d is gone", pid), func() bool { return gone(pid) })
	}
}

// gone says that a process has ended; nobody may have reaped it yet.
func gone(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err != nil || inState(pid, "Z")
}

// inState says that all of a process is in a state as /proc/pid/stat has it.
func inState(pid int, state string) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, gone := os.ReadFile(thread)
		if gone == nil && !bytes.Contains(stat, []byte(") "+state+" ")) {
			return false
		}
	}
	return err == nil && len(threads) > 0
}

// TestNodeThatWillBeKilled is the node of the test above, and nothing otherwise.
func TestNodeThatWillBeKilled(t *testing.T) {
	worker := os.Getenv("QUICEDGE_TEST_NODE")
	if worker == "" {
		return
	}
	p, err := pipeline.New(t.Context(), pipeline.Config{Worker: worker, Workers: 2, Spares: -1})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both workers are ready", func() bool { return len(p.PIDs()) == 2 })
	for _, pid := range p.PIDs() {
		fmt.Println(pid)
	}
	<-make(chan struct{})
}
