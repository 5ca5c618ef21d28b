package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const streamPath = "/api/v1/streams/s-1?pipeline=beauty_v2"

// patience bounds every wait of these tests.
const patience = 10 * time.Second

// overBoth runs a test over HTTP/1.1 and HTTP/2.
func overBoth(t *testing.T, with func(*Config), test func(t *testing.T, e *Edge, s *httptest.Server)) {
	for _, http2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "http1", true: "http2"}[http2], func(t *testing.T) {
			e := newEdge(t, with)
			test(t, e, server(t, e.Public(), http2))
		})
	}
}

// begin starts an upload whose body the test goes on writing.
func begin(t *testing.T, s *httptest.Server, with func(*http.Request)) (body *io.PipeWriter, answer chan *http.Response) {
	t.Helper()
	read, write := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL+streamPath, read)
	if err != nil {
		t.Fatal(err)
	}
	if with != nil {
		with(r)
	}
	answer = make(chan *http.Response, 1)
	go func() {
		defer close(answer)
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Errorf("upload: %v", err)
			return
		}
		answer <- resp
	}()
	t.Cleanup(func() { _ = write.Close() })
	return write, answer
}

func send(t *testing.T, body io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(body, text); err != nil {
		t.Fatal(err)
	}
}

func TestStreamAnswersWhileTheVideoComesIn(t *testing.T) {
	overBoth(t, nil, func(t *testing.T, _ *Edge, s *httptest.Server) {
		body, answer := begin(t, s, nil)
		send(t, body, "first")
		resp := <-answer
		defer resp.Body.Close()
		got := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != "first" {
			t.Fatalf("read %q, %v while the body was open", got, err)
		}
		send(t, body, "second")
		_ = body.Close()
		rest, err := io.ReadAll(resp.Body)
		if err != nil || string(rest) != "second" {
			t.Errorf("read %q, %v", rest, err)
		}
		if resp.Header.Get("Content-Type") != "video/mp4" || resp.Trailer.Get(TrailerFrames) != "11" || resp.Trailer.Get(TrailerElapsed) == "" {
			t.Errorf("header %v trailer %v", resp.Header, resp.Trailer)
		}
	})
}

// dead fails as a pipeline does whose worker dies: at once, with a goroutine still blocked in a Read.
func dead(first string) fakeProcessor {
	return fakeProcessor{process: func(_ context.Context, in io.Reader, out io.Writer) (StreamStats, error) {
		begun, read := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(read)
			_, _ = in.Read(make([]byte, 1))
			close(begun)
			_, _ = io.Copy(io.Discard, in)
		}()
		<-begun
		_, _ = io.WriteString(out, first)
		_ = in.(io.Closer).Close()
		<-read
		return StreamStats{}, &Error{Status: 502, Code: "worker_died", Message: "the video worker died: send it again"}
	}}
}

func TestFailureBeforeTheFirstByteHasAStatus(t *testing.T) {
	overBoth(t, func(cfg *Config) { cfg.Processor = dead("") }, func(t *testing.T, e *Edge, s *httptest.Server) {
		body, answer := begin(t, s, nil)
		send(t, body, "x") // and no end: the answer must not wait for it
		resp := <-answer
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if code, _, _ := errorOf(t, text); resp.StatusCode != 502 || code != "worker_died" {
			t.Errorf("got %d %s", resp.StatusCode, text)
		}
	})
}

func TestFailureAfterTheFirstByteIsNoticed(t *testing.T) {
	overBoth(t, func(cfg *Config) { cfg.Processor = dead("half") }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		body, answer := begin(t, s, nil)
		send(t, body, "x")
		resp := <-answer
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("the client took %q for whole", text)
		}
	})
}

func TestFailureAfterTheFirstByteIsExplainedInATrailer(t *testing.T) {
	overBoth(t, func(cfg *Config) { cfg.Processor = dead("half") }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		body, answer := begin(t, s, func(r *http.Request) { r.Header.Set("Te", "trailers") })
		send(t, body, "x")
		resp := <-answer
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || string(text) != "half" || resp.Trailer.Get(TrailerError) != "worker_died: the video worker died: send it again" {
			t.Errorf("read %q, %v, trailer %v", text, err, resp.Trailer)
		}
	})
}

func TestOneStreamAnID(t *testing.T) {
	overBoth(t, nil, func(t *testing.T, _ *Edge, s *httptest.Server) {
		body, answer := begin(t, s, nil)
		send(t, body, "x")
		first := <-answer // its header says that the stream runs
		defer first.Body.Close()
		again := func() int {
			resp, err := s.Client().Post(s.URL+streamPath, "", strings.NewReader("y"))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			return resp.StatusCode
		}
		if status := again(); status != 409 {
			t.Errorf("second stream of a running id: %d, want 409", status)
		}
		_ = body.Close()
		_, _ = io.Copy(io.Discard, first.Body)
		if status := again(); status != 200 {
			t.Errorf("stream of an id that has ended: %d, want 200", status)
		}
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestStreamRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		target string
		header http.Header
		body   string
		status int
		code   string
	}{
		"id with a slash":  {"/api/v1/streams/a%2Fb?pipeline=copy", nil, "", 400, "invalid_value"},
		"id with a line":   {"/api/v1/streams/a%0ab?pipeline=copy", nil, "", 400, "invalid_value"},
		"long id":          {"/api/v1/streams/" + strings.Repeat("a", 129) + "?pipeline=copy", nil, "", 400, "invalid_value"},
		"answer sometimes": {"/api/v1/streams/a?pipeline=copy&answer=sometimes", nil, "", 400, "invalid_value"},
		"no pipeline":      {"/api/v1/streams/a", nil, "", 400, "missing_pipeline"},
		"unknown pipeline": {"/api/v1/streams/a?pipeline=x", nil, "", 400, "unknown_pipeline"},
		"gzip":             {"/api/v1/streams/a?pipeline=copy", http.Header{"Content-Encoding": {"gzip"}}, "", 415, "unsupported_encoding"},
		"deadline passed":  {"/api/v1/streams/a?pipeline=copy", http.Header{DeadlineHint: {"1"}}, "", 504, "deadline_passed"},
		"bad deadline":     {"/api/v1/streams/a?pipeline=copy", http.Header{DeadlineHint: {"x"}}, "", 400, "invalid_deadline"},
		"too large":        {"/api/v1/streams/a?pipeline=copy", nil, "0123456789a", 413, "body_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, func(cfg *Config) { cfg.MaxBody = 10 })
			r := httptest.NewRequest("POST", c.target, strings.NewReader(c.body))
			for k, v := range c.header {
				r.Header[k] = v
			}
			w := ask(e.Public(), r)
			if code, message, _ := errorOf(t, w.Body.Bytes()); w.Code != c.status || code != c.code || message == "" {
				t.Errorf("got %d %q %q, want %d %q", w.Code, code, message, c.status, c.code)
			}
		})
	}
}

func TestStreamsWithoutAWorkerOrNotForThePublic(t *testing.T) {
	e := newEdge(t, func(cfg *Config) { cfg.Processor, cfg.PublicStreams = nil, false })
	if w := ask(e.Public(), httptest.NewRequest("POST", streamPath, nil)); w.Code != 404 {
		t.Errorf("public: %d, want 404", w.Code)
	}
	if w := ask(e.Operator(), httptest.NewRequest("POST", streamPath, nil)); w.Code != 503 {
		t.Errorf("operator: %d, want 503", w.Code)
	}
	w := ask(newEdge(t, nil).Public(), httptest.NewRequest("PUT", streamPath, nil))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, POST" || !strings.Contains(w.Body.String(), "use GET or POST") {
		t.Errorf("PUT: %d %v %s, want 405", w.Code, w.Header(), w.Body)
	}
}

func TestLargeBodyWithoutALengthIsCut(t *testing.T) {
	slurp := fakeProcessor{process: func(_ context.Context, in io.Reader, _ io.Writer) (StreamStats, error) {
		_, err := io.Copy(io.Discard, in)
		return StreamStats{}, fmt.Errorf("media ends early: %v", err) // hides the cause, as a decoder would
	}}
	overBoth(t, func(cfg *Config) { cfg.MaxBody, cfg.Processor = 10, slurp }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		body, answer := begin(t, s, nil)
		send(t, body, "0123456789a")
		resp := <-answer
		defer resp.Body.Close()
		if resp.StatusCode != 413 {
			t.Errorf("got %d, want 413", resp.StatusCode)
		}
	})
}

func TestUploadThatStandsStillIsCut(t *testing.T) {
	overBoth(t, func(cfg *Config) { cfg.Stall = 50 * time.Millisecond }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		_, answer := begin(t, s, nil)
		resp := <-answer
		defer resp.Body.Close()
		if resp.StatusCode != 408 {
			t.Errorf("got %d, want 408", resp.StatusCode)
		}
	})
}

func TestSlowPipelineIsNotAStall(t *testing.T) {
	const stall = 50 * time.Millisecond
	slow := fakeProcessor{process: func(_ context.Context, in io.Reader, out io.Writer) (StreamStats, error) {
		first := make([]byte, 1)
		if _, err := io.ReadFull(in, first); err != nil {
			return StreamStats{}, err
		}
		if _, err := out.Write(first); err != nil {
			return StreamStats{}, err
		}
		<-time.After(4 * stall) // the work itself: neither side of the connection is waited for
		_, err := io.Copy(onlyWriter{out}, in)
		return StreamStats{}, err
	}}
	overBoth(t, func(cfg *Config) { cfg.Stall, cfg.Processor = stall, slow }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		resp, err := s.Client().Post(s.URL+streamPath, "", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); n != 1<<20 || err != nil {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

func TestClientThatTakesNothingIsCut(t *testing.T) {
	failed := make(chan error, 1)
	flood := fakeProcessor{process: func(_ context.Context, in io.Reader, out io.Writer) (StreamStats, error) {
		for {
			if _, err := out.Write(make([]byte, 1<<16)); err != nil {
				failed <- err
				return StreamStats{}, err
			}
		}
	}}
	overBoth(t, func(cfg *Config) { cfg.Stall, cfg.Processor = 50*time.Millisecond, flood }, func(t *testing.T, e *Edge, s *httptest.Server) {
		_, answer := begin(t, s, nil)
		resp := <-answer
		defer resp.Body.Close()
		if err := <-failed; err == nil {
			t.Error("the write to a client that takes nothing went on")
		}
		eventually(t, "the request to count as left", func() bool {
			page := ask(e.Operator(), httptest.NewRequest("GET", "/metrics", nil)).Body.String()
			return strings.Contains(page, `quicedge_http_requests_total{code="499",handler="stream"`)
		})
	})
}

func TestClientThatLeavesEndsTheWork(t *testing.T) {
	ended := make(chan error, 1)
	wait := fakeProcessor{process: func(ctx context.Context, in io.Reader, out io.Writer) (StreamStats, error) {
		_, _ = out.Write([]byte("x"))
		_, err := io.Copy(io.Discard, in)
		ended <- err
		return StreamStats{}, err
	}}
	overBoth(t, func(cfg *Config) { cfg.Processor = wait }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		ctx, cancel := context.WithCancel(t.Context())
		body, answer := begin(t, s, func(r *http.Request) { *r = *r.WithContext(ctx) })
		resp := <-answer
		defer resp.Body.Close()
		cancel()
		_ = body.CloseWithError(context.Canceled) // Go's HTTP/2 client looks at ctx only between two reads of its body
		if err := <-ended; err == nil {
			t.Error("the body of a client that left ended as if it were whole")
		}
	})
}

func TestDeadlineEndsTheWork(t *testing.T) {
	stuck := fakeProcessor{process: func(ctx context.Context, in io.Reader, _ io.Writer) (StreamStats, error) {
		_, err := io.Copy(io.Discard, in) // deaf to ctx: the closed body must end it
		return StreamStats{}, err
	}}
	overBoth(t, func(cfg *Config) { cfg.Processor = stuck }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		_, answer := begin(t, s, func(r *http.Request) {
			// Go's HTTP/1.1 client waits 200 ms for the first byte of a body before it sends the header.
			r.Header.Set(DeadlineHint, fmt.Sprint(time.Now().Add(400*time.Millisecond).UnixNano()))
		})
		resp := <-answer
		defer resp.Body.Close()
		if resp.StatusCode != 504 {
			t.Errorf("got %d, want 504", resp.StatusCode)
		}
	})
}

func TestRefusalDoesNotWaitForTheBody(t *testing.T) {
	overBoth(t, nil, func(t *testing.T, _ *Edge, s *httptest.Server) {
		_, answer := begin(t, s, func(r *http.Request) { r.Header.Set(DeadlineHint, "1") })
		resp := <-answer
		defer resp.Body.Close()
		if resp.StatusCode != 504 {
			t.Errorf("got %d, want 504", resp.StatusCode)
		}
	})
}

func TestExpectContinue(t *testing.T) {
	s := server(t, newEdge(t, nil).Public(), false)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", streamPath)
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v, want 100", line, err)
	}
	_, _ = in.ReadString('\n')
	send(t, conn, "hello")
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(text) != "hello" || err != nil {
		t.Errorf("got %d %q %v", resp.StatusCode, text, err)
	}
}

func TestConnectionIsUsedAgainAfterAStream(t *testing.T) {
	s := server(t, newEdge(t, nil).Public(), false)
	for i := range 3 {
		resp, err := s.Client().Post(s.URL+streamPath, "", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); string(text) != "x" || err != nil {
			t.Errorf("stream %d: %q, %v", i, text, err)
		}
		_ = resp.Body.Close()
	}
}
