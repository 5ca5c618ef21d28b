package edge

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

const afterPath = streamPath + "&answer=after-upload"

// TestAnswerWaitsForAClientThatSendsAllFirst answers with far more than lies between the node and a client that reads nothing.
func TestAnswerWaitsForAClientThatSendsAllFirst(t *testing.T) {
	const parts, part = 64, 1 << 20
	flood := fakeProcessor{watched: func(_ StreamRequest, in io.Reader, out io.Writer) (StreamStats, error) {
		for range parts {
			if _, err := io.ReadFull(in, make([]byte, 1<<10)); err != nil {
				return StreamStats{}, err
			}
			if _, err := out.Write(make([]byte, part)); err != nil {
				return StreamStats{}, err
			}
		}
		_, err := io.Copy(onlyWriter{out}, in)
		return StreamStats{}, err
	}}
	overBoth(t, func(cfg *Config) { cfg.Processor = flood }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		t.Setenv("TMPDIR", t.TempDir())
		body, answer := begin(t, s, func(r *http.Request) { r.URL.RawQuery += "&answer=after-upload" })
		for range parts {
			send(t, body, strings.Repeat("x", 1<<10))
		}
		select {
		case <-answer:
			t.Error("the answer did not wait")
		default:
		}
		send(t, body, "the end")
		_ = body.Close()
		resp := <-answer
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil || len(got) != parts*part+7 || !bytes.HasSuffix(got, []byte("the end")) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// TestSlowReaderOfAnAnswerThatWaitsHoldsNoWorker reads nothing before the processor has returned.
func TestSlowReaderOfAnAnswerThatWaitsHoldsNoWorker(t *testing.T) {
	const size = 64 << 20
	returned := make(chan struct{}, 1)
	fill := fakeProcessor{watched: func(_ StreamRequest, in io.Reader, out io.Writer) (StreamStats, error) {
		defer func() { returned <- struct{}{} }()
		if _, err := io.Copy(io.Discard, in); err != nil {
			return StreamStats{}, err
		}
		for range size >> 20 {
			if _, err := out.Write(make([]byte, 1<<20)); err != nil {
				return StreamStats{}, err
			}
		}
		return StreamStats{}, nil
	}}
	overBoth(t, func(cfg *Config) { cfg.Processor = fill }, func(t *testing.T, _ *Edge, s *httptest.Server) {
		body, answer := begin(t, s, func(r *http.Request) { r.URL.RawQuery += "&answer=after-upload" })
		_ = body.Close()
		select {
		case <-returned:
		case <-time.After(10 * time.Second):
			t.Fatal("the worker waits for the client")
		}
		resp := <-answer
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

func TestFailureOfAnAnswerThatWaitsHasAStatus(t *testing.T) {
	late := fakeProcessor{watched: func(_ StreamRequest, in io.Reader, out io.Writer) (StreamStats, error) {
		if _, err := io.WriteString(out, "half"); err != nil {
			return StreamStats{}, err
		}
		return StreamStats{}, &Error{Status: 422, Code: "bad_media", Message: "demux: it is corrupt; send it again"}
	}}
	w := ask(newEdge(t, func(cfg *Config) { cfg.Processor = late }).Public(), httptest.NewRequest("POST", afterPath, strings.NewReader("x")))
	if code, _, _ := errorOf(t, w.Body.Bytes()); w.Code != 422 || code != "bad_media" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestHeldAnswerIsBounded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	h := &held{out: &out, limit: 10}
	if _, err := io.WriteString(h, "0123456789"); err != nil {
		t.Fatal(err)
	}
	_, err := io.WriteString(h, "x")
	if e, ok := errors.AsType[*Error](err); !ok || e.Status != 413 {
		t.Errorf("got %v", err)
	}
	if err := h.close(); err != nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
}
