package edge

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"
	"time"
)

// told asks how a stream is doing.
func told(t *testing.T, e *Edge, id string) (status int, a streamAnswer) {
	t.Helper()
	w := ask(e.Public(), httptest.NewRequest("GET", "/api/v1/streams/"+id, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return w.Code, a
}

func TestStateFollowsAStreamToItsEnd(t *testing.T) {
	half, whole := make(chan struct{}), make(chan struct{})
	watched := fakeProcessor{watched: func(req StreamRequest, in io.Reader, out io.Writer) (StreamStats, error) {
		req.Progress(StreamStats{Frames: 7, Position: time.Second, Duration: 2 * time.Second})
		close(half)
		<-whole
		_, err := io.WriteString(out, "x")
		return StreamStats{
			Frames: 14, AudioPackets: 3, Width: 640, Height: 360, Stages: map[string]time.Duration{"infer": 1500 * time.Microsecond},
			Verdicts: []Verdict{{PositionMs: 500, Model: "m@1", Scores: map[string]float32{"dark": 0.75}, Flagged: []string{"dark"}}},
		}, err
	}}
	overBoth(t, nil, func(t *testing.T, e *Edge, s *httptest.Server) {
		half, whole = make(chan struct{}), make(chan struct{})
		e.cfg.Processor = watched
		if status, _ := told(t, e, "s-1"); status != 404 {
			t.Errorf("before: %d", status)
		}
		body, answer := begin(t, s, nil)
		<-half
		if status, a := told(t, e, "s-1"); status != 200 || a.State != "running" || a.Pipeline != "beauty_v2" || a.Frames != 7 || a.PositionMs != 1000 || a.DurationMs != 2000 || len(a.Stages) != 0 {
			t.Errorf("while it runs: %d %+v", status, a)
		}
		close(whole)
		_ = body.Close()
		resp := <-answer
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		eventually(t, "the stream to end", func() bool { _, a := told(t, e, "s-1"); return a.State != "running" })
		_, a := told(t, e, "s-1")
		if a.State != "done" || a.Frames != 14 || a.AudioPackets != 3 || a.Width != 640 || a.Stages["infer"] != 1.5 || a.ElapsedMs <= 0 || a.Error != nil || len(a.Verdicts) != 1 || a.Verdicts[0].Scores["dark"] != 0.75 {
			t.Errorf("after: %+v", a)
		}
	})
}

func TestStateKeepsTheErrorOfAnAnswerThatWasCutOff(t *testing.T) {
	overBoth(t, func(cfg *Config) { cfg.Processor = dead("half") }, func(t *testing.T, e *Edge, s *httptest.Server) {
		body, answer := begin(t, s, nil)
		send(t, body, "x")
		resp := <-answer
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		eventually(t, "the stream to end", func() bool { _, a := told(t, e, "s-1"); return a.State != "running" })
		if _, a := told(t, e, "s-1"); a.State != "failed" || a.Error["code"] != "worker_died" || a.Error["message"] != "the video worker died: send it again" {
			t.Errorf("got %+v", a)
		}
	})
}

func TestStateOfAHandlerThatPanickedIsAFailure(t *testing.T) {
	e := newEdge(t, func(cfg *Config) {
		cfg.Processor = fakeProcessor{watched: func(StreamRequest, io.Reader, io.Writer) (StreamStats, error) { panic("boom") }}
	})
	ask(e.Public(), httptest.NewRequest("POST", streamPath, nil))
	if _, a := told(t, e, "s-1"); a.State != "failed" || a.Error["code"] != "internal" {
		t.Errorf("got %+v", a)
	}
}

func TestStreamsAreForgotten(t *testing.T) {
	var s streams
	now := time.Now()
	for i := range rememberMax + 1 {
		s.end(s.begin(fmt.Sprint(i), "copy", now))
	}
	if s.find("0", now) != nil || s.find("1", now) == nil || s.find(fmt.Sprint(rememberMax), now) == nil {
		t.Error("not the oldest was forgotten")
	}
	later := now.Add(rememberFor + time.Minute)
	s.endAt(s.begin("last", "copy", later), later)
	if n := s.ended.Len(); n != 1 {
		t.Errorf("%d streams are remembered for too long", n-1)
	}
	if s.find("last", later.Add(rememberFor+time.Minute)) != nil || s.ended.Len() != 0 {
		t.Error("the last is remembered for too long")
	}
	s.begin("1", "beauty_v2", now)
	if again := s.find("1", now); again == nil || again.pipeline != "beauty_v2" {
		t.Error("the state is that of the stream before")
	}
}
