package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/recipe"
	"quicedge/internal/pipeline/testclip"
	"quicedge/internal/pipeline/wire"
)

// conversation is the worker's end of a socket on which the node has already said everything.
type conversation struct {
	io.Reader
	io.Writer
}

// spools are the two files without a name.
func spools(tb testing.TB) (spool, made *os.File) {
	tb.Helper()
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(tb.TempDir(), "spool")
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = f.Close() })
		files[i] = f
	}
	return files[0], files[1]
}

// smallClips are one of each container and codec, as small as ffmpeg makes them.
func smallClips(tb testing.TB) (clips [][]byte) {
	tb.Helper()
	for _, s := range []testclip.Spec{
		{Format: testclip.MP4},
		{Format: testclip.MP4IndexLast},
		{Format: testclip.MP4Fragmented},
		{Format: testclip.MPEGTS},
		{Format: testclip.FLV},
		{Format: testclip.AnnexB},
		{Format: "mkv"},
		{Format: testclip.MP4, Codec: "libx265", Extra: []string{"-x265-params", "log-level=error"}},
	} {
		s.Width, s.Height, s.Seconds = 32, 32, 0.12
		clips = append(clips, testclip.Read(tb, s))
	}
	return clips
}

// message is a frame as the node sends it.
func message(tb testing.TB, t wire.Type, payload []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := wire.NewWriter(&b).Send(t, payload); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// jobOf is the order of a job in the pipeline transcode, which needs no model.
func jobOf(tb testing.TB, job wire.Job) []byte {
	tb.Helper()
	job.Recipe = passing(tb)
	text, err := json.Marshal(job)
	if err != nil {
		tb.Fatal(err)
	}
	return message(tb, wire.TypeJob, text)
}

// answers reads what the worker has sent; it must be frames that the node's end knows, and no job may be answered twice.
func answers(t *testing.T, sent *bytes.Buffer, jobs int) {
	t.Helper()
	ended := 0
	for r := wire.NewReader(sent); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the worker sent what is no frame: %v", err)
		}
		if f.Type == wire.TypeDone || f.Type == wire.TypeFail {
			ended++
		}
	}
	if ended > jobs {
		t.Fatalf("%d answers to %d jobs", ended, jobs)
	}
}

// passing is the pipeline transcode, which needs no model.
func passing(tb testing.TB) json.RawMessage {
	tb.Helper()
	shipped, err := recipe.Shipped()
	if err != nil {
		tb.Fatal(err)
	}
	r, err := shipped["transcode"].Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// FuzzServer lets the node say anything to a worker: it answers or ends, and never says what is no frame.
func FuzzServer(f *testing.F) {
	av.Quiet()
	clip := smallClips(f)[0]
	stream := jobOf(f, wire.Job{Kind: wire.KindStream, Pipeline: "transcode", MaxInput: 1 << 20})
	f.Add(stream)
	f.Add(bytes.Join([][]byte{stream, message(f, wire.TypeData, clip), message(f, wire.TypeEnd, nil)}, nil))
	f.Add(bytes.Join([][]byte{stream, message(f, wire.TypeData, clip[:100]), stream}, nil))
	f.Add(jobOf(f, wire.Job{Kind: wire.KindSynthetic, Pipeline: "transcode", Width: 16, Height: 16, FrameCount: 2}))
	f.Add(jobOf(f, wire.Job{Kind: wire.KindSynthetic, Pipeline: "transcode", Width: -1, Height: 1 << 30, FrameCount: 1}))
	f.Add(message(f, wire.TypeEnd, nil))
	spool, made := spools(f)
	f.Fuzz(func(t *testing.T, said []byte) {
		if tooMuchWork(said) {
			return // the node does not ask for so many frames
		}
		var sent bytes.Buffer
		s := newServer(conversation{bytes.NewReader(said), &sent}, spool, made)
		_ = s.serve("") // what is wrong with the conversation ends the worker
		answers(t, &sent, bytes.Count(said, []byte{byte(wire.TypeJob)}))
	})
}

// tooMuchWork looks for synthetic jobs that the node's own check refuses and that would take hours.
func tooMuchWork(said []byte) bool {
	for r := wire.NewReader(bytes.NewReader(said)); ; {
		f, err := r.Next()
		if err != nil {
			return false
		}
		var job wire.Job
		if f.Type == wire.TypeJob && f.Decode(&job) == nil && (job.Width > 64 || job.Height > 64 || job.FrameCount > 8) {
			return true
		}
	}
}

// FuzzStream sends any body through demuxer, decoder, encoder and muxer: it is done, or refused as a video.
func FuzzStream(f *testing.F) {
	av.Quiet()
	for _, clip := range smallClips(f) {
		for _, format := range []string{"", "mp4", "ts"} {
			f.Add(clip, format)
		}
		f.Add(clip[:len(clip)/2], "")
	}
	spool, made := spools(f)
	recipe := passing(f)
	f.Fuzz(func(t *testing.T, clip []byte, format string) {
		var said, sent bytes.Buffer
		w := wire.NewWriter(&said)
		if err := errors.Join(
			w.SendJSON(wire.TypeJob, wire.Job{Kind: wire.KindStream, Pipeline: "transcode", Recipe: recipe, Format: knownFormat(format), MaxInput: 1 << 20}),
			write(w, clip), w.Send(wire.TypeEnd, nil),
		); err != nil {
			t.Fatal(err)
		}
		s := newServer(conversation{&said, &sent}, spool, made)
		if err := s.serve(""); err != nil {
			t.Fatalf("the worker ended: %v", err)
		}
		if fail := failureIn(t, &sent); fail.Cause == wire.CauseInternal {
			t.Fatalf("the body is held against the worker: %+v", fail)
		}
	})
}

func knownFormat(format string) string {
	if format == "mp4" || format == "ts" {
		return format
	}
	return ""
}

func write(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

// failureIn is the Fail that a worker has sent, if it has.
func failureIn(t *testing.T, sent io.Reader) (fail wire.Fail) {
	t.Helper()
	for r := wire.NewReader(sent); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return fail
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Type == wire.TypeFail {
			if err := f.Decode(&fail); err != nil {
				t.Fatal(err)
			}
		}
	}
}
