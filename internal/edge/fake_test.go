package edge

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// fakeProcessor is an echo, unless a test gives it something else to do.
type fakeProcessor struct {
	process   func(ctx context.Context, in io.Reader, out io.Writer) (StreamStats, error)
	watched   func(req StreamRequest, in io.Reader, out io.Writer) (StreamStats, error)
	synthetic func(ctx context.Context, req SyntheticRequest) (SyntheticResult, error)
	pattern   func(ctx context.Context, out io.Writer) error
}

func (f fakeProcessor) Pipelines() []Pipeline {
	return []Pipeline{{"beauty_v2", "smooths skin", []Give{GivesVideo}}, {"copy", "changes nothing", []Give{GivesVideo, GivesVerdicts}}}
}

func (f fakeProcessor) Formats() []string { return []string{"fmp4", "mp4", "ts"} }

func (f fakeProcessor) Codecs() []string { return []string{"h264", "h265"} }

func (f fakeProcessor) Process(ctx context.Context, req StreamRequest, in io.Reader, out io.Writer) (StreamStats, error) {
	if f.process != nil {
		return f.process(ctx, in, out)
	}
	if f.watched != nil {
		return f.watched(req, in, out)
	}
	n, err := io.Copy(onlyWriter{out}, in)
	return StreamStats{Frames: int(n)}, err
}

func (f fakeProcessor) Synthetic(ctx context.Context, req SyntheticRequest) (SyntheticResult, error) {
	if f.synthetic != nil {
		return f.synthetic(ctx, req)
	}
	if req.FrameCount < 1 || req.FrameCount > 1000 {
		return SyntheticResult{}, InvalidField("frame_count", req.FrameCount, "use 1 to 1000")
	}
	return SyntheticResult{
		Width: req.Width, Height: req.Height, FrameCount: req.FrameCount, Pipeline: req.Pipeline,
		Elapsed: 12500 * time.Microsecond, Stages: map[string]time.Duration{"infer": 3 * time.Millisecond},
	}, nil
}

func (f fakeProcessor) Pattern(ctx context.Context, out io.Writer) error {
	if f.pattern != nil {
		return f.pattern(ctx, out)
	}
	_, err := io.WriteString(out, "a pattern")
	return err
}

// onlyWriter hides everything but Write, so that io.Copy does what a pipeline does.
type onlyWriter struct{ io.Writer }

func heilongjiang(a netip.Addr) path.Match {
	id := class.Of(23, class.CMCC)
	return path.Match{Addr: a, Class: id, Profile: path.NewProfile(mtu.Effective{MTU: 1372, Source: mtu.SourceCSV})}
}

// newEdge makes an Edge with an echo for a processor, changed by with.
func newEdge(t *testing.T, with func(*Config)) *Edge {
	t.Helper()
	cfg := Config{Node: "hlj-01", Processor: fakeProcessor{}, PublicStreams: true, Classify: heilongjiang}
	if with != nil {
		with(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// ask sends one request to a handler, without a network.
func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// server serves a handler over loopback, over HTTP/2 where asked to.
func server(t *testing.T, h http.Handler, http2 bool) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = http2
	if http2 {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}
