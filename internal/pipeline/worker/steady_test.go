package worker

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/testclip"
	"quicedge/internal/pipeline/wire"
)

// meter reads a body and counts the program's allocations from a quarter of it to three quarters.
type meter struct {
	body        []byte
	at          int
	first, last runtime.MemStats
}

func (m *meter) Read(p []byte) (int, error) {
	if m.at == len(m.body) {
		return 0, io.EOF
	}
	before := m.at
	m.at += copy(p[:min(len(p), 4096)], m.body[m.at:])
	if quarter := len(m.body) / 4; before < quarter && m.at >= quarter {
		runtime.ReadMemStats(&m.first)
	} else if before < 3*quarter && m.at >= 3*quarter {
		runtime.ReadMemStats(&m.last)
	}
	return m.at - before, nil
}

// transcode runs a body through the stages of the pipeline transcode, in this process.
func transcode(t *testing.T, job wire.Job, source io.Reader) wire.Done {
	t.Helper()
	return process(t, "transcode", job, source)
}

// process runs a body through the stages of a pipeline, in this process.
func process(t *testing.T, name string, job wire.Job, source io.Reader) wire.Done {
	t.Helper()
	av.Quiet()
	job.Kind, job.Pipeline, job.Recipe = wire.KindStream, name, shippedRecipe(t, name)
	s := newServer(struct {
		io.Reader
		io.Writer
	}{nil, io.Discard}, nil, nil)
	s.models = shippedModels(t)
	st := newStream(s, job, &body{}, newTimes(), func(err error) error { return err })
	defer st.store.Close()
	st.reported = time.Now().Add(time.Hour) // reports are five a second, not one a frame
	done, err := st.run(source)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestFramesPassWithoutAnAllocationOrACopy(t *testing.T) {
	clip := testclip.Spec{Width: 1280, Height: 720, Seconds: 4, Audio: true}
	for name, tc := range map[string]struct {
		format testclip.Format
		job    wire.Job
	}{
		"mp4 to fragments":     {testclip.MP4, wire.Job{}},
		"mpeg-ts to fragments": {testclip.MPEGTS, wire.Job{}},
		"mpeg-ts to mpeg-ts":   {testclip.MPEGTS, wire.Job{Format: "ts"}},
	} {
		t.Run(name, func(t *testing.T) {
			clip.Format = tc.format
			m := &meter{body: testclip.Read(t, clip)}
			done := transcode(t, tc.job, m)
			if done.Frames != int64(clip.Frames()) {
				t.Fatalf("%d frames, want %d", done.Frames, clip.Frames())
			}
			frames := done.Frames / 2
			if n := int64(m.last.Mallocs - m.first.Mallocs); n/frames > 0 {
				t.Errorf("%d allocations, %d bytes in %d frames", n, m.last.TotalAlloc-m.first.TotalAlloc, frames)
			} else {
				t.Logf("%d allocations in %d frames", n, frames)
			}
			if done.BytesCopied != 0 {
				t.Errorf("%d bytes of pictures were copied", done.BytesCopied)
			}
		})
	}
}

// A picture of another format is copied once: what goes to the encoder is counted.
func TestConvertedFramesAreCopiedOnce(t *testing.T) {
	clip := testclip.Spec{Width: 320, Height: 180, Seconds: 1, PixelFormat: "yuv420p10le", Format: testclip.MPEGTS}
	done := transcode(t, wire.Job{}, bytes.NewReader(testclip.Read(t, clip)))
	if want := done.Frames * 320 * 180 * 3 / 2; done.BytesCopied != want {
		t.Errorf("%d bytes copied in %d frames, want %d", done.BytesCopied, done.Frames, want)
	}
}
