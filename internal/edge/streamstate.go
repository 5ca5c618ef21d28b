package edge

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of what is remembered of streams that have ended.
const (
	rememberFor = time.Minute
	rememberMax = 1024 // the oldest are forgotten first
)

// The states of a stream.
const (
	stateRunning = "running"
	stateDone    = "done"
	stateFailed  = "failed"
)

var errUnknownEnd = errors.New("the stream's handler ended without a word")

// streamState is one stream, while it runs and for a minute after.
type streamState struct {
	id, pipeline string
	began        time.Time

	mu    sync.Mutex
	stats StreamStats
	err   *Error
	whole bool      // it has succeeded
	ended time.Time // zero while it runs
}

func (s *streamState) progress(stats StreamStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats = stats
}

func (s *streamState) succeed(stats StreamStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats, s.whole = stats, true
}

// fail keeps why, and the verdicts: one of them may be the reason.
func (s *streamState) fail(stats StreamStats, e *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Verdicts, s.err = stats.Verdicts, e
}

func (s *streamState) end(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = now
}

func (s *streamState) forgotten(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended.IsZero() && now.Sub(s.ended) > rememberFor
}

// streams are those that run, and those that have ended lately. The zero value is empty.
type streams struct {
	mu      sync.Mutex
	running map[string]*streamState
	ended   *simplelru.LRU[string, *streamState]
}

// begin returns the state of a new stream, nil where one of this id runs.
func (s *streams) begin(id, pipeline string, now time.Time) *streamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[id] != nil {
		return nil
	}
	if s.running == nil {
		s.running = map[string]*streamState{}
	}
	state := &streamState{id: id, pipeline: pipeline, began: now}
	s.running[id] = state
	return state
}

func (s *streams) end(state *streamState) {
	s.endAt(state, time.Now())
}

func (s *streams) endAt(state *streamState, now time.Time) {
	state.end(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, state.id)
	if s.ended == nil {
		s.ended, _ = simplelru.NewLRU[string, *streamState](rememberMax, nil) // fails for a size below 1 alone
	}
	s.ended.Add(state.id, state)
	s.forget(now)
}

// forget lets go of those that ended long ago: thousands of verdicts may hang on each. It is called with streams locked.
func (s *streams) forget(now time.Time) {
	for {
		id, oldest, ok := s.ended.GetOldest()
		if !ok || !oldest.forgotten(now) {
			return
		}
		s.ended.Remove(id)
	}
}

// find returns a stream that runs, or else the last that ended under this id; nil for none.
func (s *streams) find(id string, now time.Time) *streamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.running[id]; state != nil || s.ended == nil {
		return state
	}
	s.forget(now)
	state, _ := s.ended.Peek(id)
	return state
}

// streamAnswer is the answer of GET /api/v1/streams/{id}.
type streamAnswer struct {
	ID           string             `json:"id"`
	Pipeline     string             `json:"pipeline"`
	State        string             `json:"state"` // running, done or failed
	Frames       int                `json:"frames"`
	AudioPackets int                `json:"audio_packets"`
	Width        int                `json:"width"`  // pixels; 0 until the end
	Height       int                `json:"height"` // pixels; 0 until the end
	InBytes      int64              `json:"in_bytes"`
	OutBytes     int64              `json:"out_bytes"`
	BytesCopied  int64              `json:"bytes_copied_per_frame"` // of raw pictures, between decoder and encoder; 0 until the end
	PositionMs   float64            `json:"position_ms"`            // of the last frame in the video
	DurationMs   float64            `json:"duration_ms"`            // of the video; 0 where it does not say
	ElapsedMs    float64            `json:"elapsed_ms"`             // since the request's header
	Stages       map[string]float64 `json:"stages"`                 // milliseconds by the stage's name; empty until the end
	Verdicts     []Verdict          `json:"verdicts,omitempty"`
	Error        map[string]any     `json:"error,omitempty"`
}

func (s *streamState) answer(now time.Time) streamAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := streamAnswer{
		ID: s.id, Pipeline: s.pipeline, State: stateRunning,
		Frames: s.stats.Frames, AudioPackets: s.stats.AudioPackets, Width: s.stats.Width, Height: s.stats.Height,
		InBytes: s.stats.InBytes, OutBytes: s.stats.OutBytes,
		BytesCopied: s.stats.BytesCopied / max(int64(s.stats.Frames), 1),
		PositionMs:  milliseconds(s.stats.Position), DurationMs: milliseconds(s.stats.Duration),
		Stages: inMilliseconds(s.stats.Stages), Verdicts: s.stats.Verdicts,
	}
	if !s.ended.IsZero() {
		now = s.ended
		a.State = stateDone
	}
	switch {
	case s.err != nil:
		a.State, a.Error = stateFailed, s.err.body()
	case !s.ended.IsZero() && !s.whole: // its handler panicked
		a.State, a.Error = stateFailed, asError(errUnknownEnd).body()
	}
	a.ElapsedMs = milliseconds(now.Sub(s.began))
	return a
}

// streamState says how far a stream is, or how it ended, to who knows its id.
func (e *Edge) streamState(w http.ResponseWriter, r *http.Request) {
	id, now := r.PathValue("id"), time.Now()
	if !validID(id) {
		writeError(w, invalidID(id))
		return
	}
	state := e.streams.find(id, now)
	if state == nil {
		writeError(w, &Error{
			Status: http.StatusNotFound, Code: "unknown_stream", Field: "id",
			Message: "no stream " + shown(id) + " runs or has ended within the last minute: check the id, and ask sooner",
		})
		return
	}
	writeJSON(w, http.StatusOK, state.answer(now))
}
